"""The skeleton of jobs, by a job that writes the size of each photo."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from label_efficient_seg.core.atomic import write_atomically
from label_efficient_seg.jobs import ImageFileJob, Job, option
from tests.jobs import cam_case
from tests.jobs.cam_case import NAMES, NUMBER, files, mask_of


@dataclass(frozen=True)
class SizeSettings:
    """Settings of :class:`SizeJob`."""

    source: str = option(help='where it comes from')
    factor: int = option(1, 'multiplies the width')
    unit: str = option('px', 'of the summary')


class SizeJob(ImageFileJob):
    """Writes the sizes of photos. Files in the folder::

    sizes/<id>.txt, copies/<id>.json
    """

    Settings = SizeSettings
    name, what, tool = 'sizes', 'sizes', 'sizes.py'
    files = dict(sizes='.txt', copies='.json')
    free_settings = ('unit',)
    reads_photos = True
    written = 0

    def inputs(self) -> dict[str, str]:
        return dict(sources=self.settings.source)

    def process(self, name: str, batch: dict) -> None:
        height, width = batch['image'][0].shape[:2]
        for folder in self.files:
            write(self.path(name, folder), f'{height} {width * self.settings.factor}')
        self.written += 1

    def evaluate(self) -> dict[str, int]:
        total = torch.zeros(1, dtype=torch.int64)

        def work(name: str, batch: dict) -> None:
            height, width = map(int, self.path(name).read_text().split())
            assert batch['mask'][0].shape == (height, width // self.settings.factor)
            total.add_(height * width)

        self.count(work, total)
        return dict(area=int(total), unit=self.settings.unit.upper())

    def finish(self, metrics: Mapping) -> None:
        self.write_panels(lambda indices: np.full((9, len(indices), 3), 7, np.uint8), 3)


def write(path: Path, text: str) -> None:
    write_atomically(path, text)


@pytest.fixture(scope='module')
def data_root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp('data')
    cam_case.make_data(root)
    return root


def make(root: Path, out: Path, *, source: str = 'x', launcher: str = 'none', **settings) -> Job:
    cfg = cam_case.config(root)
    cfg.launcher = launcher
    job = SizeJob(cfg, out, SizeSettings(source, **settings))
    job.run()
    return job


def summary(out: Path) -> dict:
    return json.loads((out / 'sizes.json').read_text())


def test_files_and_summary(data_root, tmp_path):
    assert make(data_root, tmp_path, factor=2).written == NUMBER
    sizes = {name: mask_of(data_root, name).shape for name in NAMES}
    for name, (height, width) in sizes.items():
        for file in (f'sizes/{name}.txt', f'copies/{name}.json'):
            assert (tmp_path / file).read_text() == f'{height} {2 * width}'
    found = summary(tmp_path)
    assert list(found)[:2] == ['area', 'unit'] and found.pop('config_sha256')
    # What a job says of a setting counts.
    assert found == dict(
        area=sum(2 * height * width for height, width in sizes.values()),
        unit='PX',
        source='x',
        factor=2,
        sources_sha256='x',
    )
    # Eight images in panels of three.
    panels = sorted((tmp_path / 'panels').iterdir())
    assert [panel.name for panel in panels] == ['sizes_1.png', 'sizes_2.png', 'sizes_3.png']
    assert [Image.open(panel).width for panel in panels] == [3, 3, 2]


def test_only_what_is_missing_is_made(data_root, tmp_path):
    make(data_root, tmp_path)
    before = files(tmp_path)
    (tmp_path / f'copies/{NAMES[3]}.json').unlink()
    (tmp_path / f'sizes/{NAMES[5]}.txt').unlink()
    assert make(data_root, tmp_path).written == 2
    assert files(tmp_path) == before


def test_free_settings_keep_the_files_and_others_are_refused(data_root, tmp_path):
    make(data_root, tmp_path)
    assert make(data_root, tmp_path, unit='cm').written == 0
    assert summary(tmp_path)['unit'] == 'CM'
    before = files(tmp_path)
    with pytest.raises(ValueError, match='holds sizes of another config .* with --out'):
        make(data_root, tmp_path, factor=3)
    with pytest.raises(ValueError, match='holds sizes of another sources .* with --out'):
        make(data_root, tmp_path, source='y')
    assert files(tmp_path) == before


def test_a_summary_does_not_outlive_its_files(data_root, tmp_path, monkeypatch):
    make(data_root, tmp_path)
    monkeypatch.setattr(SizeJob, 'finish', None)  # fails when called
    with pytest.raises(TypeError):
        make(data_root, tmp_path)
    assert not (tmp_path / 'sizes.json').exists()


def run_in(root: Path, out: Path, kill_at: int = 0) -> Callable[[str], None]:
    def run(launcher: str) -> None:
        if kill_at:
            cam_case.die_at(sys.modules[__name__], 'write', kill_at)
        make(root, out, launcher=launcher)

    return run


@pytest.mark.parametrize(('first', 'second'), [(1, 2), (2, 1)])
def test_killed_and_continued_by_more_or_fewer_processes(data_root, tmp_path, first, second):
    make(data_root, tmp_path / 'whole')
    out = tmp_path / 'out'
    # Each image has two files; the eighth is missing.
    cam_case.launch(first, run_in(data_root, out, kill_at=8), killed=True)
    complete = {path: path.stat().st_mtime_ns for path in (out / 'copies').rglob('*.json')}
    assert len(complete) == 3 * first and not (out / 'sizes.json').exists()
    assert len(list((out / 'sizes').rglob('*.txt'))) == 4 * first
    cam_case.launch(second, run_in(data_root, out))
    assert all(path.stat().st_mtime_ns == time for path, time in complete.items())
    assert files(out) == files(tmp_path / 'whole')

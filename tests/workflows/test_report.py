"""Reports of work folders, as a library call and from the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from label_efficient_seg.visualization import save_image
from label_efficient_seg.workflows import build_run_report, group_runs, latest_panels


def make_run(folder: Path, miou: list[float], test_miou: float | None = None) -> Path:
    """A work folder with validations at 10, 20, ... and, where asked, a test."""
    log = folder / '20260101_000000' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    records = []
    for index, value in enumerate(miou, 1):
        records.append({'decode.loss_ce': 1 / index, 'iter': 10 * index, 'step': 10 * index})
        records.append({'mIoU': value, 'step': 10 * index})
    log.write_text(''.join(json.dumps(record) + '\n' for record in records))
    if test_miou is not None:
        test = folder / '20260102_000000' / '20260102_000000.json'
        test.parent.mkdir()
        test.write_text(json.dumps({'aAcc': 90.0, 'mIoU': test_miou, 'time': 0.1}))
    return folder


def add_panel(work_dir: Path, folder: str, name: str) -> Path:
    return save_image(np.zeros((4, 4, 3), np.uint8), work_dir / 'vis' / folder / f'{name}.png')


def test_folders_of_several_seeds_are_one_run(tmp_path: Path) -> None:
    names = ['semi_seed0', 'semi_seed1', 'oracle', 'semi-seed_12', 'seeded']
    groups = group_runs([tmp_path / name for name in names])
    assert {label: [path.name for path in paths] for label, paths in groups.items()} == {
        'semi': ['semi_seed0', 'semi_seed1', 'semi-seed_12'],
        'oracle': ['oracle'],
        'seeded': ['seeded'],
    }


@pytest.mark.parametrize('folders', [('a/x', 'a/x'), ('a/x', 'b/x'), ('a/x_seed0', 'b/x_seed0')])
def test_ambiguous_folders_are_refused(tmp_path: Path, folders: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match='two work folders are called'):
        group_runs([tmp_path / folder for folder in folders])


def test_panels_of_the_latest_test_or_iteration(tmp_path: Path) -> None:
    assert latest_panels(tmp_path) == []
    add_panel(tmp_path, '900', 'old')
    new = add_panel(tmp_path, '1000', 'new')
    assert latest_panels(tmp_path) == [new]
    tested = [add_panel(tmp_path, 'test', name) for name in 'ab']
    assert latest_panels(tmp_path) == tested


def test_report_compares_runs_and_means_over_seeds(tmp_path: Path) -> None:
    folders = [
        make_run(tmp_path / 'semi_seed0', [30, 52, 50], test_miou=48),
        make_run(tmp_path / 'semi_seed1', [32, 50, 40], test_miou=44),
        make_run(tmp_path / 'supervised', [20, 25, 31.5]),
    ]
    add_panel(folders[0], '30', 'dog')
    html = build_run_report(folders, 'A comparison').to_html()
    row = '<td>{}</td>' + '<td class="number">{}</td>' * 3 + '<td>{}</td>'
    row += '<td class="number">{}</td>' * 2
    assert row.format('semi', 2, 30, '45.00', '40.00 to 50.00', '51.00', 20) in html
    assert row.format('supervised', 1, 30, '31.50', '', '31.50', 30) in html
    tested = '<td>semi</td>' + '<td class="number">{}</td>' * 3
    assert tested.format(2, '46.00', '90.00') in html
    assert 'alt="Curves over the iterations: Validation mIoU (%), Supervised loss."' in html
    assert 'semi, iteration 30' in html and 'alt="semi: panel of dog"' in html


def test_verdicts_compare_the_same_images_only(tmp_path: Path) -> None:
    config = (
        'val_dataloader = dict(\n    dataset=dict(ann_file={!r}, pipeline=[{}]))\nraise OSError\n'
    )
    folders = []
    for seed, (base, method) in enumerate([(30, 41), (32, 42), (31, 42)]):
        folders.append(make_run(tmp_path / f'base_seed{seed}', [5, base]))
        folders[-1].joinpath('a.py').write_text(config.format('val.txt', 1))
        folders.append(make_run(tmp_path / f'method_seed{seed}', [90, method]))
        folders[-1].joinpath('b.py').write_text(config.format('val.txt', 2))
    folders.append(make_run(tmp_path / 'other', [99]))
    folders[-1].joinpath('c.py').write_text(config.format('test.txt', 1))
    folders.append(make_run(tmp_path / 'unknown', [99]))
    html = build_run_report(folders).to_html()
    # Differences 11, 10 and 11.
    assert '<code>method</code> gains 10.67 ± 0.33 mIoU over <code>base</code>' in html
    assert '<code>other</code> was judged on other images than <code>base</code>' in html
    assert '<code>unknown</code> was' not in html


def test_folders_without_anything_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='no logs, test metrics or panels'):
        build_run_report([tmp_path])


def test_command_line(tmp_path: Path, les: Callable, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / 'out.html'
    assert 0 == les(
        'report', make_run(tmp_path / 'run', [30, 40]), '--out', out, '--title', 'My runs'
    )
    assert capsys.readouterr().out.strip() == str(out)
    assert '<h1>My runs</h1>' in out.read_text('utf-8')
    assert les('report', tmp_path / 'missing') == 1
    assert "missing' does not exist" in capsys.readouterr().err.splitlines()[0]

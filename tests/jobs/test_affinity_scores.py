"""Refined scores of small images, from CAMs that need no network."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from label_efficient_seg.datasets import read_class_maps, write_class_maps
from label_efficient_seg.evaluation import label_areas, mean_iou
from label_efficient_seg.jobs import AffinityScoreJob, AffinityScoreSettings, affinity_scores
from label_efficient_seg.jobs.fingerprint import claim_folder, read_run
from label_efficient_seg.ops import dense_crf
from tests.jobs import cam_case
from tests.jobs.cam_case import CLASSES, NAMES, files, mask_of


def write_cams(root: Path, out: Path) -> Path:
    """CAMs that are high where the class is; the second image has none."""
    rng = np.random.default_rng(0)
    run = claim_folder(out, dict(checkpoint='x'), 'CAMs')
    for index, name in enumerate(NAMES):
        mask = mask_of(root, name)
        classes = [] if index == 1 else [c for c in (1, 2, 3) if (mask == c).any()]
        cams = rng.random((len(classes), *mask.shape)) * 0.5
        for cam, c in zip(cams, classes, strict=True):
            cam[mask == c] += 0.45
        write_class_maps(out / 'cams' / f'{name}.npz', classes, run=run, cam=cams)
    return out / 'cams'


@pytest.fixture(scope='module')
def data_root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp('data')
    cam_case.make_data(root)
    return root


@pytest.fixture(scope='module')
def cams(data_root, tmp_path_factory) -> Path:
    return write_cams(data_root, tmp_path_factory.mktemp('cams'))


@pytest.fixture(scope='module')
def made(data_root, cams, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('made')
    make(cam_case.config(data_root), cams, out)
    return out


def make(cfg: Config, cams: Path, out: Path, **kwargs) -> None:
    AffinityScoreJob(cfg, out, AffinityScoreSettings(str(cams), **kwargs)).run()


def summary(out: Path) -> dict:
    return json.loads((out / 'scores.json').read_text())


def scores(out: Path, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = read_class_maps(out / 'scores' / f'{name}.npz', read_run(out / 'scores', 'tool'))
    return found.classes, found.maps['low'], found.maps['high']


def test_scores_are_those_of_the_crf(data_root, cams, made):
    for name in NAMES:
        given = read_class_maps(cams / f'{name}.npz')
        classes, *found = scores(made, name)
        assert classes.tolist() == [0, *given.classes]
        image = np.asarray(Image.open(data_root / 'images' / f'{name}.png'))
        photo = torch.from_numpy(image.copy()).permute(2, 0, 1)[None]
        for alpha, values in zip((4, 32), found, strict=True):
            if not len(given.classes):
                assert (values == 1).all() and values.shape == (1, *image.shape[:2])
                continue
            cam = given.maps['cam']
            background = (1 - cam.max(0)) ** alpha
            logits = np.log(np.maximum(np.concatenate([background[None], cam]), 1e-5))
            expected = dense_crf(torch.from_numpy(logits)[None], photo)[0]
            np.testing.assert_allclose(values, expected, atol=1e-3)


def test_metrics_pixel_by_pixel(data_root, made):
    labels, masks = [], []
    areas = {'low': 0, 'high': 0}
    for name in NAMES:
        classes, low, high = scores(made, name)
        mask = mask_of(data_root, name)
        for key, values in (('low', low), ('high', high)):
            prediction = classes[values.argmax(0)]
            areas[key] = areas[key] + label_areas(prediction, mask, len(CLASSES))
        for y, x in np.ndindex(*mask.shape):
            label = classes[low[:, y, x].argmax()] or 255
            labels.append(0 if high[:, y, x].argmax() == 0 else label)
            masks.append(mask[y, x])
    labels, masks = np.array(labels), np.array(masks)
    shares = dict(
        foreground=((labels != 0) & (labels != 255)).mean(),
        background=(labels == 0).mean(),
        neutral=(labels == 255).mean(),
        accuracy=(labels == masks)[(labels != 255) & (masks != 255)].mean(),
    )
    found = summary(made)
    assert all(found[name] == pytest.approx(100 * v, abs=0.01) for name, v in shares.items())
    assert min(shares.values()) > 0.01
    assert found['mIoU_low'] == pytest.approx(mean_iou(areas['low']), abs=0.01)
    assert found['mIoU_high'] == pytest.approx(mean_iou(areas['high']), abs=0.01)
    assert (found['low_alpha'], found['high_alpha']) == (4, 32)


def test_images_without_masks(data_root, cams, made, tmp_path):
    file = cam_case.write_tags(tmp_path / 'tags.json', dict.fromkeys(NAMES, [1]))
    cfg = cam_case.config(data_root, labeled=False, tags=file)
    make(cfg, cams, tmp_path / 'out')
    expected = {k: summary(made)[k] for k in ('foreground', 'background', 'neutral')}
    found = summary(tmp_path / 'out')
    assert expected.items() <= found.items() and 'accuracy' not in found


def run_in(root: Path, cams: Path, out: Path, kill_at: int = 0) -> Callable[[str], None]:
    def run(launcher: str) -> None:
        cfg = cam_case.config(root)
        cfg.launcher = launcher
        if kill_at:
            cam_case.die_at(affinity_scores, 'write_class_maps', kill_at)
        make(cfg, cams, out)

    return run


def test_killed_and_continued_by_fewer_processes(data_root, cams, made, tmp_path):
    cam_case.launch(2, run_in(data_root, cams, tmp_path, kill_at=4), killed=True)
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / 'scores').rglob('*.npz')}
    assert len(done) == 6 and not (tmp_path / 'scores.json').exists()
    cam_case.launch(1, run_in(data_root, cams, tmp_path))
    assert all(path.stat().st_mtime_ns == time for path, time in done.items())
    assert files(tmp_path) == files(made)


def test_cams_that_do_not_belong_here(data_root, cams, made, tmp_path):
    cfg, folder = cam_case.config(data_root), tmp_path / 'cams'
    shutil.copytree(cams, folder)

    def fails(message: str, kind: type[Exception] = ValueError, out: Path | None = None) -> None:
        with pytest.raises(kind, match=message):
            make(cfg, folder, out or tmp_path / 'out')

    fails('is no folder that les cams wrote', FileNotFoundError)
    fingerprint = tmp_path / 'fingerprint.json'
    fingerprint.write_text(json.dumps(dict(checkpoint='y')))
    fails('holds scores of another CAMs .* with --out', out=made)
    fails('00.npz. come from another run')
    shutil.copy(cams.parent / 'fingerprint.json', fingerprint)
    path = folder / f'{NAMES[0]}.npz'
    small = np.zeros((1, 9, 9))
    write_class_maps(path, [1], run=read_run(folder, 'tool'), cam=small)
    out = tmp_path / 'again'
    fails(r"have the size \(9, 9\), but image 'a/00' has \(24, 40\)", out=out)
    path.write_bytes((cams / f'{NAMES[0]}.npz').read_bytes()[:-40])
    fails('00.npz. are damaged or cut off', out=out)
    shutil.copy(data_root / 'masks' / f'{NAMES[0]}.png', path)
    fails('00.npz. holds no class maps', out=out)
    path.unlink()
    (folder / f'{NAMES[4]}.npz').unlink()
    fails(r"has no 'a/00.npz' \(1 more\); run les cams", FileNotFoundError)
    assert not list(out.rglob('*.npz'))


def test_other_settings(data_root, cams, made):
    cfg = cam_case.config(data_root)
    with pytest.raises(ValueError, match='scores of another config .* with --out'):
        make(cfg, cams, made, high_alpha=24)
    for low, high in ((4, 4), (32, 4), (0, 4)):
        with pytest.raises(ValueError, match=f'below the high one, but they are {low} and {high}'):
            AffinityScoreSettings('cams', low, high)

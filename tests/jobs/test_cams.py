"""CAMs of small images by a network with random weights."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmseg.registry import DATASETS, MODELS
from PIL import Image

from label_efficient_seg.datasets import read_class_maps, write_class_maps
from label_efficient_seg.datasets.files.image_ids import image_ids
from label_efficient_seg.engine import launch
from label_efficient_seg.evaluation import ThresholdSweep, label_areas, mean_iou
from label_efficient_seg.jobs import CAMJob, CAMSettings, cams
from tests.jobs import cam_case
from tests.jobs.cam_case import CLASSES, NAMES, NUMBER, files, mask_of
from tests.models import tiny


@pytest.fixture(scope='module')
def data_root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp('data')
    cam_case.make_data(root)
    cam_case.make_checkpoint(root)
    return root


@pytest.fixture(scope='module')
def made(data_root, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('made')
    make(cam_case.config(data_root), data_root, out)
    return out


@pytest.fixture
def no_panels(monkeypatch) -> None:
    """Leaves out what takes longest."""
    monkeypatch.setattr(CAMJob, 'write_panels', lambda *_: None)


@pytest.fixture
def log(monkeypatch) -> list[str]:
    lines = []
    monkeypatch.setattr(cams, 'print_log', lambda text, *_: lines.append(text))
    return lines


def make(cfg: Config, root: Path, out: Path, **kwargs) -> None:
    CAMJob(cfg, out, CAMSettings(str(root / 'model.pth'), **kwargs)).run()


def summary(out: Path) -> dict:
    return json.loads((out / 'cams.json').read_text())


def tags(root: Path, name: str) -> list[int]:
    return sorted(set(np.unique(mask_of(root, name)).tolist()) - {0, 255})


def test_files_hold_what_the_model_predicts(data_root, made):
    cfg = cam_case.config(data_root)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    model = MODELS.build(cfg.model).eval()
    model.load_state_dict(torch.load(data_root / 'model.pth')['state_dict'])
    lengths = set()
    items = dict(zip(image_ids(dataset), (dataset[i] for i in range(NUMBER)), strict=True))
    for name in NAMES:
        with torch.no_grad():
            sample = model.test_step(pseudo_collate([items[name]]))[0]
        found = read_class_maps(made / 'cams' / f'{name}.npz')
        assert found.classes.tolist() == tags(data_root, name) and list(found.maps) == ['cam']
        cams = found.maps['cam']
        assert cams.shape == (len(found.classes), *mask_of(data_root, name).shape)
        np.testing.assert_allclose(cams, sample.cams.data, atol=5e-4)
        lengths.add(len(cams))
        assert cams.max() > 0.99
    assert lengths == {1, 3}


def test_metrics_are_those_of_the_files(data_root, made):
    sweep, values = ThresholdSweep(len(CLASSES)), []
    for threshold in sweep.thresholds:
        total = 0
        for name in NAMES:
            classes, maps, _ = read_class_maps(made / 'cams' / f'{name}.npz')
            scores = np.concatenate([np.full_like(maps['cam'][:1], threshold), maps['cam']])
            prediction = np.append(0, classes)[scores.argmax(0)]
            total = total + label_areas(prediction, mask_of(data_root, name), len(CLASSES))
        values.append(mean_iou(total))
    found = summary(made)
    assert list(found)[:3] == ['mIoU', 'threshold', 'mIoU_alpha16']
    assert found['mIoU'] == pytest.approx(max(values), abs=0.01)
    assert found['threshold'] == pytest.approx(sweep.thresholds[np.argmax(values)], abs=1e-4)
    at_alpha = values[list(sweep.thresholds).index(sweep.alpha_threshold)]
    assert found['mIoU_alpha16'] == pytest.approx(at_alpha, abs=0.01)
    assert (found['images'], found['tags'], found['alpha']) == (NUMBER, 'masks', 16)
    pictures = [made / 'thresholds.png', *(made / 'panels').iterdir()]
    assert len(pictures) == 3
    assert all(np.asarray(Image.open(picture)).std() > 10 for picture in pictures)


def test_the_metric_of_a_test_reports_the_same(data_root, made, tmp_path):
    cfg = cam_case.config(data_root)
    cfg.test_dataloader.sampler = dict(type='DefaultSampler', shuffle=False)
    cfg.work_dir = str(tmp_path)
    launch.prepare_test(cfg, str(data_root / 'model.pth'))
    metrics = launch.build_runner(cfg).test()
    for name in ('mIoU', 'mIoU_alpha16'):
        # Files have the CAMs in half precision.
        assert metrics[name] == pytest.approx(summary(made)[name], abs=0.5)


def test_given_tags_are_warned_of(data_root, tmp_path, log, no_panels):
    make(cam_case.config(data_root), data_root, tmp_path / 'a')
    assert any('given, not predicted' in line for line in log)
    log.clear()
    predicted = cam_case.config(data_root, model=dict(labels='predicted', label_threshold=0.4))
    make(predicted, data_root, tmp_path / 'b', alpha=4)
    assert not any('given' in line for line in log)
    found = summary(tmp_path / 'b')
    assert found['tags'] == 'predicted' and 'mIoU_alpha4' in found


def test_images_without_masks(data_root, made, tmp_path, log):
    file = cam_case.write_tags(tmp_path / 'tags.json', {n: tags(data_root, n) for n in NAMES})
    make(cam_case.config(data_root, labeled=False, tags=file), data_root, tmp_path / 'out')
    assert any('no masks: CAMs are written, but not evaluated' in line for line in log)
    found = summary(tmp_path / 'out')
    assert found['tags'] == 'file' and 'mIoU' not in found
    assert not (tmp_path / 'out' / 'thresholds.png').exists()
    for name in NAMES:
        first, second = (
            read_class_maps(folder / 'cams' / f'{name}.npz') for folder in (made, tmp_path / 'out')
        )
        assert np.array_equal(first.maps['cam'], second.maps['cam']) and first.run != second.run


def maps_of(out: Path) -> list[np.ndarray]:
    return [read_class_maps(out / 'cams' / f'{name}.npz').maps['cam'] for name in NAMES]


def test_images_without_and_with_all_tags(data_root, tmp_path):
    listed = dict.fromkeys(NAMES, [1, 2, 3])
    file = cam_case.write_tags(tmp_path / 'all.json', listed)
    make(cam_case.config(data_root, tags=file), data_root, tmp_path / 'all')
    assert [len(maps) for maps in maps_of(tmp_path / 'all')] == [3] * NUMBER
    file = cam_case.write_tags(tmp_path / 'none.json', listed | {NAMES[4]: []})
    with pytest.raises(ValueError, match=f"'{NAMES[4]}' has no tag"):
        make(cam_case.config(data_root, tags=file), data_root, tmp_path / 'none')
    cfg = cam_case.config(data_root, model=dict(labels='predicted', label_threshold=1.0))
    make(cfg, data_root, tmp_path / 'none')
    for name, maps in zip(NAMES, maps_of(tmp_path / 'none'), strict=True):
        assert maps.shape == (0, *mask_of(data_root, name).shape)
    masks = np.concatenate([mask_of(data_root, name).ravel() for name in NAMES])
    background = (masks == 0).sum() / (masks != 255).sum()
    # Everything is background, at every threshold.
    found = summary(tmp_path / 'none')
    assert found['mIoU'] == found['mIoU_alpha16'] == pytest.approx(25 * background, abs=0.01)


def run_in(root: Path, out: Path, kill_at: int = 0) -> Callable[[str], None]:
    def run(launcher: str) -> None:
        cfg = cam_case.config(root)
        cfg.launcher = launcher
        if kill_at:
            cam_case.die_at(cams, 'write_class_maps', kill_at)
        make(cfg, root, out)

    return run


def test_killed_and_continued_by_more_processes(data_root, made, tmp_path):
    cam_case.launch(1, run_in(data_root, tmp_path, kill_at=4), killed=True)
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / 'cams').rglob('*.npz')}
    assert len(done) == 3 and not (tmp_path / 'cams.json').exists()
    cam_case.launch(2, run_in(data_root, tmp_path))
    assert all(path.stat().st_mtime_ns == time for path, time in done.items())
    assert files(tmp_path) == files(made)


@pytest.mark.parametrize('fault', ['cut off', 'picture', 'other run'])
def test_faulty_files_in_the_folder_are_named(data_root, made, tmp_path, fault):
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    path = tmp_path / 'cams' / f'{NAMES[3]}.npz'
    if fault == 'cut off':
        path.write_bytes(path.read_bytes()[:-40])
    elif fault == 'picture':
        shutil.copy(data_root / 'masks' / f'{NAMES[3]}.png', path)
    else:
        classes, maps, _ = read_class_maps(path)
        write_class_maps(path, classes, run='strange', **maps)
    messages = dict(zip(['cut off', 'picture'], ['cut off', 'no class maps'], strict=True))
    with pytest.raises(
        ValueError, match=f'03.npz. .*{messages.get(fault, "from another run .strange")}'
    ):
        make(cam_case.config(data_root), data_root, tmp_path)


def test_cams_of_another_checkpoint_or_config_are_refused(data_root, made, tmp_path):
    before = files(made)
    other = torch.load(data_root / 'model.pth')
    other['state_dict']['head.classifier.weight'] *= 2
    torch.save(other, tmp_path / 'model.pth')
    with pytest.raises(ValueError, match='CAMs of another checkpoint .* with --out'):
        CAMJob(cam_case.config(data_root), made, CAMSettings(tmp_path / 'model.pth')).run()
    with pytest.raises(ValueError, match='CAMs of another config .* with --out'):
        make(cam_case.config(data_root, model=dict(flip=False)), data_root, made)
    assert files(made) == before


def test_faults_are_named(data_root, tmp_path):
    cfg = cam_case.config(data_root)

    def fails(message: str, cfg: Config = cfg, checkpoint: str = 'model.pth') -> None:
        out = tmp_path / f'out{len(list(tmp_path.iterdir()))}'
        with pytest.raises((ValueError, OSError, ArithmeticError), match=message):
            CAMJob(cfg, out, CAMSettings(data_root / checkpoint)).run()
        assert not (out / 'cams').exists()

    fails('gone.pth. does not exist', checkpoint='gone.pth')
    fails('needs test_dataloader.dataset', Config({k: cfg[k] for k in ('model', 'launcher')}))
    model = dict(labels='predicted', label_threshold=0.0)
    tags = cam_case.write_tags(tmp_path / 'tags.json', dict.fromkeys(NAMES, [1]))
    fewer = cam_case.config(data_root, labeled=False, tags=tags, model=model)
    fewer.test_dataloader.dataset.metainfo = dict(classes=CLASSES[:3], palette=cam_case.PALETTE[:3])
    fails('CAM of class 3, but the classes of the dataset are 1 to 2', fewer)
    broken = torch.load(data_root / 'model.pth')
    broken['state_dict']['head.classifier.weight'] += torch.nan
    torch.save(broken, tmp_path / 'broken.pth')
    fails(r'broken\.pth.*head\.classifier\.weight', checkpoint=str(tmp_path / 'broken.pth'))
    kept = ('backbone', 'data_preprocessor', 'decode_head', 'test_cfg')
    plain = {key: value for key, value in tiny.model_cfg().items() if key in kept}
    other = cam_case.config(data_root)
    other.model = dict(type='EncoderDecoder', **plain)
    torch.save(dict(state_dict=MODELS.build(other.model).state_dict()), tmp_path / 'other.pth')
    fails('no CAMs come from EncoderDecoder', other, str(tmp_path / 'other.pth'))

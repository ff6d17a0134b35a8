"""The hook in a test run, against the pseudo masks that the tool writes from CAM files."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.registry import MODELS
from PIL import Image

from label_efficient_seg.engine import launch
from label_efficient_seg.jobs import CAMJob, CAMSettings, PseudoMaskJob, PseudoMaskSettings
from tests.jobs import cam_case
from tests.jobs.cam_case import NAMES
from tests.jobs.test_pseudo_masks import config as affinity_config


@pytest.fixture(scope='module')
def data_root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp('data')
    cam_case.make_data(root)
    cam_case.make_checkpoint(root)
    cfg = affinity_config(root)
    cfg.dump(root / 'affinity.py')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    model.decode_head.fuse.weight.data *= 4
    torch.save(dict(state_dict=model.state_dict(), meta={}), root / 'affinity.pth')
    return root


def hook_config(root: Path, out: Path, labeled: bool = True, **kwargs) -> Config:
    tags = (
        'masks' if labeled else cam_case.write_tags(root / 'tags.json', dict.fromkeys(NAMES, [1]))
    )
    cfg = cam_case.config(root, labeled, tags)
    cfg.model.alpha = 8  # of the CAMs' own prediction, not of the refinement
    cfg.test_dataloader.sampler = dict(type='DefaultSampler', shuffle=False)
    hook = dict(
        type='CAMRefinementHook',
        config=str(root / 'affinity.py'),
        checkpoint=str(root / 'affinity.pth'),
        out_dir=str(out / 'masks'),
    )
    cfg.custom_hooks = [hook | kwargs]
    cfg.load_from, cfg.work_dir = str(root / 'model.pth'), str(out)
    return cfg


def run_test(cfg: Config) -> dict[str, float]:
    launch.init_cpu_processes(cfg)
    return Runner.from_cfg(cfg).test()


def masks(folder: Path) -> dict[str, np.ndarray]:
    return {name: np.asarray(Image.open(folder / f'{name}.png')) for name in NAMES}


def test_masks_and_metrics_are_those_of_the_tool(data_root, tmp_path):
    metrics = run_test(hook_config(data_root, tmp_path))
    checkpoint = str(data_root / 'model.pth')
    CAMJob(cam_case.config(data_root), tmp_path / 'cams', CAMSettings(checkpoint)).run()
    settings = PseudoMaskSettings(str(data_root / 'affinity.pth'), str(tmp_path / 'cams/cams'))
    PseudoMaskJob(affinity_config(data_root), tmp_path / 'tool', settings).run()
    found, expected = masks(tmp_path / 'masks'), masks(tmp_path / 'tool/pseudo_masks')
    same = [(found[name] == expected[name]).mean() for name in NAMES]
    assert min(same) > 0.98  # CAM files are in half precision
    summary = json.loads((tmp_path / 'tool/pseudo_masks.json').read_text())
    names = dict(mIoU_cam='mIoU_cam', mIoU_walk='mIoU_walk', mIoU_crf='mIoU')
    for of_hook, of_tool in names.items():
        assert metrics[of_hook] == pytest.approx(summary[of_tool], abs=0.5)
    assert len({metrics[name] for name in names}) == 3
    # They are in the log of the test, beside the metrics of its evaluator.
    (log,) = (tmp_path / path for path in tmp_path.glob('2*/*.json'))
    assert json.loads(log.read_text()).items() >= metrics.items()


def test_without_a_crf(data_root, tmp_path):
    metrics = run_test(hook_config(data_root, tmp_path, refinement='none', alpha=4))
    assert 'mIoU_walk' in metrics and 'mIoU_crf' not in metrics
    other = run_test(hook_config(data_root, tmp_path / 'x', refinement='none'))
    assert other['mIoU_cam'] != metrics['mIoU_cam']


def test_images_without_masks(data_root, tmp_path):
    cfg = hook_config(data_root, tmp_path, labeled=False, refinement='none')
    cfg.test_evaluator = []
    runner = Runner.from_cfg(cfg)
    runner.test()
    assert len(masks(tmp_path / 'masks')) == len(NAMES)


def in_processes(root: Path, out: Path) -> Callable[[str], None]:
    def run(launcher: str) -> None:
        cfg = hook_config(root, out)
        cfg.launcher = launcher
        metrics = run_test(cfg)
        if torch.distributed.get_rank() == 0:
            (out / 'metrics.json').write_text(json.dumps(metrics))

    return run


def test_two_processes_write_the_masks_of_one(data_root, tmp_path):
    expected = run_test(hook_config(data_root, tmp_path / 'one'))
    cam_case.launch(2, in_processes(data_root, tmp_path / 'two'))
    found = json.loads((tmp_path / 'two/metrics.json').read_text())
    # An image is tested twice, as there is an odd number, but counted once.
    assert found == pytest.approx(expected, abs=0.01)
    one, two = masks(tmp_path / 'one/masks'), masks(tmp_path / 'two/masks')
    assert all(np.array_equal(one[name], two[name]) for name in NAMES)


def test_what_does_not_fit_is_named(data_root, tmp_path):
    cfg = hook_config(data_root, tmp_path, checkpoint=str(data_root / 'model.pth'))
    with pytest.raises(ValueError, match='model.pth. is not of the AffinityNet of this config'):
        run_test(cfg)
    cam_case.config(data_root).dump(tmp_path / 'cam.py')
    cfg = hook_config(data_root, tmp_path, config=str(tmp_path / 'cam.py'))
    with pytest.raises(ValueError, match='a CAMSegmentor refines no CAMs; .*an AffinityNet'):
        run_test(cfg)

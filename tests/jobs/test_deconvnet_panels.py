"""A test by proposals as ``les test`` runs it, and the panels, on images of the toy data."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmseg.registry import TRANSFORMS
from PIL import Image

from label_efficient_seg.engine import launch
from label_efficient_seg.jobs.deconvnet_panels import (
    DeconvNetPanelJob,
    DeconvNetPanelSettings,
    decoder_activations,
)
from tests.models.plain_deconvnet import small

BOXES = np.float32([[0, 0, 60, 70], [30, 20, 100, 90], [10, 40, 50, 80]])
SPEC = dict(num_train=1, num_val=3, num_target_train=1, num_target_val=1)


@TRANSFORMS.register_module()
class FixedProposals(BaseTransform):
    """The same proposals for each image."""

    def transform(self, results: dict) -> dict:
        results['proposals'] = BOXES
        return results


def config(work_dir: Path, **test_cfg) -> Config:
    """Small DeconvNet on three toy images."""
    settings = dict(mode='proposal', crop_size=(64, 64), batch_size=2)
    meta_keys = ('img_path', 'seg_map_path', 'ori_shape', 'img_shape', 'proposals')
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadCheckedAnnotations'),
        dict(type='FixedProposals'),
        dict(type='PackSegInputs', meta_keys=meta_keys),
    ]
    root = Path(__file__).resolve().parents[2] / 'configs' / '_base_'
    cfg = Config.fromfile(root / 'models' / 'deconvnet_toy.py')
    for part in ('datasets/toy.py', 'default_runtime.py'):
        cfg.merge_from_dict(Config.fromfile(root / part).to_dict())
    cfg.model.update(type='ProposalEncoderDecoder', test_cfg=settings | test_cfg)
    cfg.model.backbone.base_channels = cfg.model.decode_head.channels = 2
    cfg.model.decode_head.in_channels = 128
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.test_dataloader.dataset.update(pipeline=pipeline, spec=SPEC)
    cfg.test_cfg = dict(type='TestLoop')
    cfg.merge_from_dict(dict(work_dir=str(work_dir), log_level='ERROR', launcher='none'))
    return cfg


@pytest.fixture
def checkpoint(tmp_path) -> str:
    torch.save(dict(state_dict=small(num_classes=7).state_dict()), tmp_path / 'model.pth')
    return str(tmp_path / 'model.pth')


def test_a_runner_tests_by_proposals(tmp_path, checkpoint):
    cfg = config(tmp_path / 'work')
    launch.prepare_test(cfg, checkpoint, str(tmp_path / 'out'), str(tmp_path / 'panels'))
    metrics = launch.build_runner(cfg).test()
    assert 0 <= metrics['mIoU'] <= 100
    predictions = [np.asarray(Image.open(path)) for path in (tmp_path / 'out').iterdir()]
    assert len(predictions) == 3 and len(list((tmp_path / 'panels').iterdir())) == 3
    for prediction in predictions:
        assert not prediction[100:, 110:].any()  # outside the enlarged boxes
        assert prediction[:90, :90].any()


def test_panels(tmp_path, checkpoint):
    out = tmp_path / 'out'
    settings = DeconvNetPanelSettings(checkpoint, num_images=2, counts=(3, 1))
    DeconvNetPanelJob(config(tmp_path), out, settings).run()
    for folder, tiles, width in (('aggregation', 4, 240), ('activations', 6, 160)):
        panels = [np.asarray(Image.open(path)) for path in (out / folder).rglob('*.png')]
        assert [panel.shape[1] for panel in panels] == [tiles * (width + 6) + 6] * 2
        assert not np.array_equal(*panels)


def test_other_modes_have_no_panels(tmp_path, checkpoint):
    with pytest.raises(ValueError, match="does not segment by proposals; set model.type='Prop"):
        settings = DeconvNetPanelSettings(checkpoint)
        DeconvNetPanelJob(config(tmp_path, mode='whole'), tmp_path / 'out', settings).run()
    with pytest.raises(ValueError, match=r'at least 1, but are 6 and \[0, 3\]'):
        DeconvNetPanelSettings(checkpoint, counts=(0, 3))


def test_activations_are_those_of_the_layers():
    model, image = small(), torch.randn(3, 97, 80)
    foreground = torch.rand(97, 80)
    outputs = {}
    for index, stage in enumerate(model.decode_head.stages):
        stage.register_forward_hook(
            lambda _, args, out, i=index: outputs.update({i: (args[0], out)})
        )
    found = decoder_activations(model, image, foreground)
    sizes = ['3x4', '5x7', '10x13', '20x25', '40x49', '80x97']
    kinds = ['unpool', 'deconv'] * 5
    names = [f'{kind} {sizes[1 + i // 2]}' for i, kind in enumerate(kinds)]
    assert [title for title, _ in found] == ['fc6-deconv 3x4', *names]
    for index in range(5):
        unpooled, after = (part[0].numpy() for part in outputs[index])
        assert any(np.array_equal(found[1 + 2 * index][1], m) for m in unpooled)
        # At most one value in each window of four is not zero.
        values = found[1 + 2 * index][1]
        even = values[: values.shape[0] // 2 * 2, : values.shape[1] // 2 * 2]
        windows = even.reshape(even.shape[0] // 2, 2, -1, 2).transpose(0, 2, 1, 3).reshape(-1, 4)
        assert ((windows != 0).sum(1) <= 1).all()
        assert any(np.array_equal(found[2 + 2 * index][1], m) for m in after)
    # The channel of the last level is the one that correlates most.
    last = outputs[4][1][0].flatten(1).numpy()
    expected = max(
        last, key=lambda m: np.corrcoef(m, foreground.flatten())[0, 1] if m.std() else -1
    )
    assert np.array_equal(found[-1][1].ravel(), expected)

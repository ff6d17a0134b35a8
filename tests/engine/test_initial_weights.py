import re

import pytest
import torch
from mmengine.model import BaseModule
from mmseg.models.backbones import (
    MSCAN,
    PCPVT,
    BEiT,
    MixVisionTransformer,
    SwinTransformer,
    VisionTransformer,
)
from torch import nn

from label_efficient_seg.engine.hooks import CheckpointMatchHook
from label_efficient_seg.engine.initial_weights import check_initial_weights
from tests.engine.small_run import build_runner


def part_with(path, layers: int = 4) -> BaseModule:
    part = BaseModule(dict(type='Pretrained', checkpoint=str(path)))
    part.stem = nn.BatchNorm2d(3)
    part.layers = nn.ModuleList(nn.Conv2d(1, 1, 3) for _ in range(layers))
    return part


def write_weights(path, layers: int, prefix: str = '') -> None:
    state = part_with(path, layers).state_dict()
    torch.save(dict(state_dict={f'{prefix}{key}': value for key, value in state.items()}), path)


def test_a_quarter_of_the_kernels_may_be_missing(tmp_path):
    path = tmp_path / 'weights.pth'
    write_weights(path, 3)
    check_initial_weights(part_with(path))
    write_weights(path, 2)
    message = (
        "weights.pth' are of another network: 2 of the 4 kernels of the BaseModule of the model "
        'would stay random, such as layers.2.weight; les convert --help lists'
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        check_initial_weights(part_with(path))
    check_initial_weights(part_with(path), share=0.5)


def test_kernels_of_another_shape_stay_random(tmp_path):
    path = tmp_path / 'weights.pth'
    write_weights(path, 4)
    part = part_with(path)
    part.layers[0], part.layers[1] = nn.Conv2d(1, 1, 1), nn.Conv2d(2, 1, 3)
    with pytest.raises(ValueError, match=r'2 of the 4 kernels .* such as layers\.0\.weight'):
        check_initial_weights(part)


def test_more_than_the_network_has_is_allowed(tmp_path):
    path = tmp_path / 'weights.pth'
    write_weights(path, 6, prefix='module.')
    check_initial_weights(part_with(path))


def test_a_file_within_a_list_of_initialisations_is_read(tmp_path):
    path = tmp_path / 'weights.pth'
    write_weights(path, 2)
    part = part_with(path)
    part.init_cfg = [dict(type='Kaiming', layer='Conv2d'), part.init_cfg]
    with pytest.raises(ValueError, match='2 of the 4 kernels'):
        check_initial_weights(part)


@pytest.mark.parametrize('backbone', [MixVisionTransformer, MSCAN, PCPVT])
def test_parts_that_leave_the_file_to_mmengine_are_checked(tmp_path, backbone):
    path = tmp_path / 'weights.pth'
    write_weights(path, 4)
    part = backbone(init_cfg=dict(type='Pretrained', checkpoint=str(path)))
    with pytest.raises(ValueError, match=f'none of their .* fits the {backbone.__name__}'):
        check_initial_weights(part)


@pytest.mark.parametrize('backbone', [BEiT, SwinTransformer, VisionTransformer])
def test_parts_that_open_the_file_themselves_are_left_alone(tmp_path, backbone):
    path = tmp_path / 'weights.pth'
    write_weights(path, 4)
    check_initial_weights(backbone(init_cfg=dict(type='Pretrained', checkpoint=str(path))))


def test_training_asks_for_the_share_of_the_hook(tmp_path):
    path = tmp_path / 'weights.pth'
    write_weights(path, 2)

    def train(**options) -> None:
        hook = CheckpointMatchHook(**options)
        runner = build_runner(tmp_path / 'run')
        runner.model.part = part_with(path)
        hook.before_train(runner)

    with pytest.raises(ValueError, match="set 'initial_share' of CheckpointMatchHook"):
        train()
    train(initial_share=0.5)

import re

import pytest
import torch
from mmengine.model import BaseModule
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

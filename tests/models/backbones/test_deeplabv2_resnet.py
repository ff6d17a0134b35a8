"""The backbone against the paper's network in plain functions."""

import pytest
import torch
import torch.nn.functional as F
from mmseg.models.backbones import ResNet
from torch import Tensor

from label_efficient_seg.models.backbones import DeepLabV2ResNet

BLOCKS = (3, 4, 6, 3)
STRIDES, DILATIONS = (1, 2, 1, 1), (1, 1, 2, 4)
SIZES = [(65, 97), (64, 96), (63, 80), (66, 35)]


def build(**kwargs) -> DeepLabV2ResNet:
    """A narrow ResNet-50 whose batch norms all do something."""
    model = DeepLabV2ResNet(depth=50, base_channels=4, stem_channels=4, **kwargs)
    for name, tensor in model.state_dict().items():
        if name.endswith(('bn1.weight', 'bn2.weight', 'bn3.weight', 'running_var')):
            tensor.uniform_(0.5, 1.5)
        elif name.endswith(('.bias', 'running_mean')):
            tensor.normal_(0, 0.2)
    return model


def plain_features(weights: dict[str, Tensor], images: Tensor) -> list[Tensor]:
    """DeepLabv2's ResNet-50, Caffe style: the stride is on the first 1x1 convolution."""

    def norm(x: Tensor, name: str) -> Tensor:
        mean, var, scale, shift = (
            weights[f'{name}.{key}'][:, None, None]
            for key in ('running_mean', 'running_var', 'weight', 'bias')
        )
        return (x - mean) / (var + 1e-5).sqrt() * scale + shift

    def conv(x: Tensor, name: str, **kwargs) -> Tensor:
        return F.conv2d(x, weights[f'{name}.weight'], **kwargs)

    x = norm(conv(images, 'conv1', stride=2, padding=3), 'bn1').relu()
    x = F.max_pool2d(x, 3, 2, 1, ceil_mode=True)
    features = []
    for stage, (blocks, stage_stride, d) in enumerate(
        zip(BLOCKS, STRIDES, DILATIONS, strict=True), start=1
    ):
        for block in range(blocks):
            name = f'layer{stage}.{block}'
            stride = stage_stride if block == 0 else 1
            y = norm(conv(x, f'{name}.conv1', stride=stride), f'{name}.bn1').relu()
            y = norm(conv(y, f'{name}.conv2', padding=d, dilation=d), f'{name}.bn2').relu()
            y = norm(conv(y, f'{name}.conv3'), f'{name}.bn3')
            if block == 0:
                x = norm(conv(x, f'{name}.downsample.0', stride=stride), f'{name}.downsample.1')
            x = (x + y).relu()
        features.append(x)
    return features


@pytest.mark.parametrize('size', SIZES)
def test_equals_plain_network(size):
    model = build()
    model.eval()
    images = torch.randn(2, 3, *size)
    with torch.no_grad():
        expected = plain_features(model.state_dict(), images)
        found = model(images)
    for ours, theirs in zip(found, expected, strict=True):
        assert theirs.abs().max() > 0.1
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(('size', 'expected'), [(321, 41), (320, 41), (65, 9), (64, 9), (72, 10)])
def test_pooling_rounds_up(size, expected):
    # MMSeg's ResNet gives 40, 8 and 9 at the even sizes.
    model = build()
    model.eval()
    with torch.no_grad():
        features = model(torch.zeros(1, 3, size, size))
    assert features[3].shape[-2:] == (expected, expected)


def test_batch_norm_is_frozen_but_keeps_statistics():
    model = build()
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    sum(f.square().mean() for f in model(torch.randn(2, 3, 40, 40) + 3)).backward()
    optimizer.step()
    trainable = {name for name, p in model.named_parameters() if p.requires_grad}
    assert all('conv' in name or 'downsample.0' in name for name in trainable)
    for name, tensor in model.state_dict().items():
        moves = name in trainable or 'running_' in name or 'num_batches' in name
        assert torch.equal(before[name], tensor) != moves, name


def test_parameter_names_are_those_of_mmseg():
    caffe = ResNet(depth=50, base_channels=4, stem_channels=4, style='caffe')
    ours = {name: tensor.shape for name, tensor in build().state_dict().items()}
    assert ours == {name: tensor.shape for name, tensor in caffe.state_dict().items()}


def test_arguments_override_the_defaults():
    model = build(style='pytorch', norm_cfg=dict(type='BN', requires_grad=True))
    assert model.layer2[0].conv2.stride == (2, 2) and model.layer2[0].conv1.stride == (1, 1)
    assert all(p.requires_grad for p in model.parameters())

"""The networks of AffinityNet's release in plain functions, narrow, for tests."""

import torch
import torch.nn.functional as F
from torch import Tensor

CLASSES = 3
# Channels to which the affinity network reduces its three levels; 64, 128 and 256 in the release.
CHANNELS = (16, 24, 32)
# Blocks of ResNet-38: name, output channels of each convolution as multiples of the first layer's,
# kernel size, stride and dilation of each convolution.
BLOCKS = [
    *[(f'b2{n}', (2, 2), (3, 3), s, (1, 1)) for n, s in (('', 2), ('_1', 1), ('_2', 1))],
    *[(f'b3{n}', (4, 4), (3, 3), s, (1, 1)) for n, s in (('', 2), ('_1', 1), ('_2', 1))],
    ('b4', (8, 8), (3, 3), 2, (1, 1)),
    *[(f'b4_{n}', (8, 8), (3, 3), 1, (1, 1)) for n in (1, 2, 3, 4, 5)],
    ('b5', (8, 16), (3, 3), 1, (1, 2)),
    *[(f'b5_{n}', (8, 16), (3, 3), 1, (2, 2)) for n in (1, 2)],
    ('b6', (8, 16, 32), (1, 3, 1), 1, (1, 4, 1)),
    ('b7', (16, 32, 64), (1, 3, 1), 1, (1, 4, 1)),
]
BRANCHES = ('2a', '2b1', '2b2')
# Convolutions of VGG-16 as multiples of the first layer's channels.
VGG = [(1, 1), (2, 2), (4, 4, 4), (8, 8, 8), (8, 8, 8)]


def released(network: str, kind: str, width: int = 4, **sizes: int) -> dict[str, Tensor]:
    """State dict of the release with random weights.

    Args:
        network (str): 'res38' or 'vgg'.
        kind (str): 'cls' or 'aff'.
        width (int): Channels of the first layer; 64 in the release.
        sizes: `classes` of the classifier, `channels` of the affinity network.
    """
    torch.manual_seed(1)
    weights: dict[str, Tensor] = {}
    levels = _resnet38(weights, width) if network == 'res38' else _vgg16(weights, width)
    if kind == 'cls':
        _convolution(weights, 'fc8', levels[-1], sizes.get('classes', CLASSES), 1)
        return weights
    channels = sizes.get('channels', CHANNELS)
    for number, (inputs, outputs) in enumerate(zip(levels, channels, strict=True), start=3):
        _convolution(weights, f'f8_{number}', inputs, outputs, 1)
        if network == 'vgg':
            weights[f'gn8_{number}.weight'] = torch.rand(outputs) + 0.5
            weights[f'gn8_{number}.bias'] = 0.2 * torch.randn(outputs)
    _convolution(weights, 'f9', sum(channels), sum(channels), 1)
    return weights


def levels_of(weights: dict[str, Tensor], images: Tensor) -> list[Tensor]:
    """The levels conv4, conv5 and the last one of a released network."""
    if 'conv1_1.weight' in weights:
        return _vgg16_levels(weights, images)
    x, levels = F.conv2d(images, weights['conv1a.weight'], padding=1), []
    for name, _, kernels, stride, dilations in BLOCKS:
        first = y = _norm(weights, f'{name}.bn_branch2a', x).relu()
        if name in ('b5', 'b6'):
            levels.append(first)
        for index, (branch, d) in enumerate(zip(BRANCHES, dilations, strict=False)):
            if index > 0:
                y = _norm(weights, f'{name}.bn_branch{branch}', y).relu()
            weight = weights[f'{name}.conv_branch{branch}.weight']
            padding = kernels[index] // 2 * d
            y = F.conv2d(y, weight, None, stride if index == 0 else 1, padding, d)
        if f'{name}.conv_branch1.weight' in weights:
            x = F.conv2d(first, weights[f'{name}.conv_branch1.weight'], stride=stride)
        x = x + y
    return [*levels, _norm(weights, 'bn7', x).relu()]


def scores_of(weights: dict[str, Tensor], images: Tensor) -> tuple[Tensor, Tensor]:
    """Class scores of a released classifier, and its CAMs without their square root."""
    maps = F.conv2d(levels_of(weights, images)[-1], weights['fc8.weight'])
    return maps.mean(dim=(2, 3)), maps.relu()


def features_of(weights: dict[str, Tensor], images: Tensor) -> Tensor:
    """Features of which the released affinity network computes affinities."""
    reduced = []
    for number, level in enumerate(levels_of(weights, images), start=3):
        x = F.conv2d(level, weights[f'f8_{number}.weight'])
        if f'gn8_{number}.weight' in weights:
            norm = weights[f'gn8_{number}.weight'], weights[f'gn8_{number}.bias']
            x = F.group_norm(x, x.shape[1] // 8, *norm)
        reduced.append(F.elu(x))
    return F.elu(F.conv2d(torch.cat(reduced, dim=1), weights['f9.weight']))


def _convolution(
    weights: dict[str, Tensor],
    name: str,
    inputs: int,
    outputs: int,
    kernel: int,
    bias: bool = False,
) -> None:
    scale = ((2 if bias else 1) / (inputs * kernel**2)) ** 0.5  # VGG-16 has no norms
    weights[f'{name}.weight'] = scale * torch.randn(outputs, inputs, kernel, kernel)
    if bias:
        weights[f'{name}.bias'] = 0.1 * torch.randn(outputs)


def _resnet38(weights: dict[str, Tensor], width: int) -> tuple[int, ...]:
    """Fill in the weights; returns the channels of the three levels."""
    _convolution(weights, 'conv1a', 3, width, 3)
    inputs = width
    for name, widths, kernels, stride, _ in BLOCKS:
        outputs = [width * multiple for multiple in widths]
        between = [inputs, *outputs]
        for branch, kernel, i, o in zip(BRANCHES, kernels, between, outputs, strict=False):
            _random_norm(weights, f'{name}.bn_branch{branch}', i)
            _convolution(weights, f'{name}.conv_branch{branch}', i, o, kernel)
        if stride > 1 or inputs != outputs[-1]:
            _convolution(weights, f'{name}.conv_branch1', inputs, outputs[-1], 1)
        inputs = outputs[-1]
    _random_norm(weights, 'bn7', inputs)
    return 8 * width, 16 * width, 64 * width


def _random_norm(weights: dict[str, Tensor], name: str, channels: int) -> None:
    weights[f'{name}.weight'] = torch.rand(channels) / 2 + 0.5
    weights[f'{name}.bias'] = 0.2 * torch.randn(channels)
    weights[f'{name}.running_mean'] = 0.2 * torch.randn(channels)
    weights[f'{name}.running_var'] = torch.rand(channels) + 0.5
    weights[f'{name}.num_batches_tracked'] = torch.tensor(7)


def _norm(weights: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    mean, var, scale, shift = (
        weights[f'{name}.{tensor}'].view(1, -1, 1, 1)
        for tensor in ('running_mean', 'running_var', 'weight', 'bias')
    )
    return (x - mean) / (var + 1e-5).sqrt() * scale + shift


def _vgg16(weights: dict[str, Tensor], width: int) -> tuple[int, ...]:
    """Fill in the weights; returns the channels of the three levels."""
    inputs = 3
    for stage, multiples in enumerate(VGG, start=1):
        for index, multiple in enumerate(multiples, start=1):
            _convolution(weights, f'conv{stage}_{index}', inputs, width * multiple, 3, bias=True)
            inputs = width * multiple
    _convolution(weights, 'fc6', inputs, 16 * width, 3, bias=True)
    _convolution(weights, 'fc7', 16 * width, 16 * width, 1, bias=True)
    return 8 * width, 8 * width, 16 * width


def _vgg16_levels(weights: dict[str, Tensor], images: Tensor) -> list[Tensor]:
    def conv(x: Tensor, name: str, padding: int) -> Tensor:
        weight, bias = weights[f'{name}.weight'], weights[f'{name}.bias']
        return F.conv2d(x, weight, bias, padding=padding, dilation=max(padding, 1)).relu()

    x, levels = images, []
    for stage, multiples in enumerate(VGG, start=1):
        for index in range(1, len(multiples) + 1):
            x = conv(x, f'conv{stage}_{index}', padding=2 if stage == 5 else 1)
        if stage >= 4:
            levels.append(x)
        if stage < 5:
            x = F.max_pool2d(x, 3, 2 if stage < 4 else 1, padding=1)
    is_affinity_network = 'f9.weight' in weights
    x = conv(x, 'fc6', padding=4 if is_affinity_network else 1)
    return [*levels, conv(x, 'fc7', padding=0)]

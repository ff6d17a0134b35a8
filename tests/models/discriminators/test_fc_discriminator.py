import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from label_efficient_seg.models.discriminators import FCDiscriminator


def test_layers_are_those_of_the_paper():
    network = FCDiscriminator(in_channels=21)
    convs = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    shapes = [(c.in_channels, c.out_channels, c.kernel_size, c.stride, c.padding) for c in convs]
    kernel = (4, 4), (2, 2), (1, 1)
    assert shapes == [
        (21, 64, *kernel),
        (64, 128, *kernel),
        (128, 256, *kernel),
        (256, 512, *kernel),
        (512, 1, *kernel),
    ]
    slopes = [layer.negative_slope for layer in network.layers if isinstance(layer, nn.LeakyReLU)]
    assert slopes == [0.2] * 4
    assert len(network.layers) == 9 and not isinstance(network.layers[-1], nn.LeakyReLU)
    # 16 weights per pair of channels and one bias per output channel.
    assert sum(p.numel() for p in network.parameters()) == 16 * 173_888 + 961


@pytest.mark.parametrize(('size', 'expected'), [((321, 321), (10, 10)), ((32, 95), (1, 2))])
def test_logits_have_one_channel_at_stride_32(size, expected):
    network = MODELS.build(dict(type='FCDiscriminator', in_channels=3, channels=2))
    assert network(torch.zeros(2, 3, *size)).shape == (2, 1, *expected)


@pytest.mark.parametrize('size', [(31, 64), (64, 31)])
def test_small_maps_are_refused(size):
    with pytest.raises(ValueError, match=rf'at least 32x32 pixels, got \({size[0]}, {size[1]}\)'):
        FCDiscriminator(in_channels=3, channels=2)(torch.zeros(1, 3, *size))


@pytest.mark.parametrize('strides', [(2, 2, 2, 1, 1), (2, 1, 2, 1, 2), (1, 1, 1, 1, 1)])
def test_least_size_for_other_strides_is_where_convolutions_start_to_work(strides):
    network = FCDiscriminator(in_channels=2, channels=1, strides=strides)
    least = next(
        size for size in range(1, 64) if _works(network.layers, torch.zeros(1, 2, size, size))
    )
    assert network.min_size == least
    assert network(torch.zeros(1, 2, least, least)).shape == (1, 1, 1, 1)


def _works(layers, maps):
    try:
        layers(maps)
    except RuntimeError:
        return False
    return True


def test_five_strides_are_needed():
    with pytest.raises(ValueError, match=r'five convolutions, got the strides \(2, 2\)'):
        FCDiscriminator(in_channels=2, strides=(2, 2))

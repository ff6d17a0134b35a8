"""SIGN's networks begin with fakes that depend on noise and class, as the release's do."""

import math

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from label_efficient_seg.models.generators import FeatureGenerator, SpatialInformationModule

F = 600  # channels of the features and of the word vectors
WIDTHS = (2 * F, 1024, 960, 864, 784, 720, F)


def drawn(*shape):
    """Weights of the release: normal, variance 2 over the number of inputs."""
    return torch.randn(shape) * math.sqrt(2 / math.prod(shape[1:]))


def released_generator():
    """A function of word vectors and noise, (N, 600) each, with weights as the release draws."""
    weights = [drawn(o, i) for i, o in zip(WIDTHS, WIDTHS[1:], strict=False)]

    def generate(words, noise):
        x = torch.cat([words, noise], 1)
        for weight in weights[:-1]:
            x = nn.functional.leaky_relu(x @ weight.T, 0.2)
        return (x @ weights[-1].T).sigmoid()

    return generate


def ours(init_cfg):
    module = FeatureGenerator(F, F, F, init_cfg=init_cfg).eval()
    module.init_weights()
    return lambda words, noise: module(words[..., None, None], noise[..., None, None])[..., 0, 0]


@torch.no_grad()
def spreads(generate, seed=0):
    """Standard deviation of fakes over noise, and over classes; means over channels."""
    generator = torch.Generator().manual_seed(seed)
    words = nn.functional.normalize(torch.randn(20, F, generator=generator))
    noise = torch.randn(200, F, generator=generator)
    over_noise = generate(words[:1].expand(200, F), noise).std(0).mean()
    over_classes = generate(words, noise[:1].expand(20, F)).std(0).mean()
    return float(over_noise), float(over_classes)


def test_fakes_spread_over_noise_and_classes_as_in_the_release():
    torch.manual_seed(0)
    noise, classes = spreads(released_generator())
    assert noise == pytest.approx(0.145, rel=0.25) and classes == pytest.approx(9e-3, rel=0.35)
    found = spreads(ours(None))
    assert found == pytest.approx((noise, classes), rel=0.35)
    # PyTorch's default makes fakes that are all but constant.
    default = spreads(ours([]))
    assert default[0] < 0.002 and default[1] < 2e-4


@torch.no_grad()
def test_latent_code_has_the_mean_of_the_release():
    torch.manual_seed(0)
    maps, found = torch.randn(2, F, 16, 16), {}
    for name, init_cfg in (('released', None), ('default', [])):
        module = SpatialInformationModule(F, init_cfg=init_cfg).eval()
        module.init_weights()
        found[name] = float(module(maps).mean.abs().mean())
        weights = dict(module.named_parameters())
        for parameter, weight in weights.items():
            std = math.sqrt(2 / math.prod(weight.shape[1:]))
            if init_cfg is None:
                assert float(weight.std()) == pytest.approx(std, rel=0.1), parameter
    assert found['released'] == pytest.approx(0.39, rel=0.25) and found['default'] < 0.02


def test_every_network_of_the_model_is_drawn_like_this():
    from .. import tiny_sign

    cfg = tiny_sign.model_cfg()
    cfg.decode_head.init_cfg = dict(type='Kaiming', layer='Conv2d', mode='fan_in')
    cfg.feature_channels = 64
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    model.init_weights()
    checked = 0
    for part in ('decode_head', 'spatial_information', 'generator', 'discriminator'):
        for name, parameter in getattr(model, part).named_parameters():
            if name.endswith('bias'):
                assert not parameter.any(), name
            elif parameter.numel() > 500:
                std = math.sqrt(2 / math.prod(parameter.shape[1:]))
                assert float(parameter.std()) == pytest.approx(std, rel=0.2), name
                checked += 1
    assert checked > 8

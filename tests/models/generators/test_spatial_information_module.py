import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from label_efficient_seg.models.generators import SpatialInformationModule
from label_efficient_seg.ops import positional_encoding

ENCODINGS = ('relative', 'absolute', None)


def small(**kwargs) -> SpatialInformationModule:
    return SpatialInformationModule(8, context_channels=6, **kwargs)


def context(state: dict[str, Tensor], name: str, u: Tensor) -> Tensor:
    """The block of three dilated convolutions, written out."""
    maps = []
    for index, dilation in enumerate((1, 2, 5)):
        u = F.conv2d(
            u, state[f'{name}.convs.{index}.weight'], padding=dilation, dilation=dilation
        ).relu()
        maps.append(u)
    weights = F.conv2d(torch.cat(maps, 1), state[f'{name}.scales.weight'], padding=1)
    weights = weights.relu().sigmoid()
    merged = torch.cat([maps[i] * weights[:, i : i + 1] for i in range(3)], 1)
    return F.conv2d(merged, state[f'{name}.merge.weight']).relu()


@pytest.mark.parametrize('encoding', ENCODINGS)
@pytest.mark.parametrize('size', [(2, 9, 12), (1, 1, 1), (1, 4, 3)])
def test_equals_the_formula(encoding, size):
    batch, height, width = size
    module = small(encoding=encoding).eval()
    h = torch.randn(batch, 8, height, width)
    u = h.sigmoid()
    if encoding is not None:
        length = 512 if encoding == 'relative' else None
        code = positional_encoding(8, height, width, length)
        u = torch.cat([u, code.expand(batch, -1, -1, -1)], 1)
    state = module.state_dict()
    h0 = h + context(state, 'positional', u)
    p = context(state, 'contextual', h0.sigmoid())
    mean = F.conv2d(p, state['mean.weight'], padding=1)
    log_variance = F.conv2d(p, state['log_variance.weight'], padding=1).relu()
    found = module(h)
    torch.testing.assert_close(found.mean, mean)
    torch.testing.assert_close(found.log_variance, log_variance)
    assert torch.equal(found.latent, found.mean)
    torch.testing.assert_close(found.features, (h0 + h0 * mean.sigmoid()).sigmoid())


def test_all_parameters_are_in_the_formula():
    names = set(small().state_dict())
    convs = {f'convs.{i}.weight' for i in range(3)} | {'scales.weight', 'merge.weight'}
    blocks = {f'{block}.{conv}' for block in ('positional', 'contextual') for conv in convs}
    assert names == blocks | {'mean.weight', 'log_variance.weight'}


def test_in_training_the_latent_code_is_drawn():
    module = small().train()
    h = torch.randn(1, 8, 4, 4)
    draws = torch.stack([module(h).latent for _ in range(500)])
    found = module(h)
    deviation = (found.log_variance / 2).exp()
    assert ((draws.mean(0) - found.mean).abs() < 5 * deviation / 500**0.5).all()
    torch.testing.assert_close(draws.std(0), deviation, rtol=0.2, atol=0)
    torch.manual_seed(1)
    first = module(h)
    torch.manual_seed(1)
    assert torch.equal(first.latent, module(h).latent)
    assert not torch.equal(first.latent, found.latent)


def test_all_parameters_learn():
    module = small()
    found = module(torch.randn(2, 8, 6, 5))
    (found.features.sum() + found.log_variance.sum()).backward()
    assert all(p.grad is not None and p.grad.any() for p in module.parameters())


def test_positions_break_translation():
    """Same features everywhere: only the encoding tells places apart, away from the border."""
    h = torch.zeros(1, 8, 40, 40)
    spread = {
        encoding: small(encoding=encoding).eval()(h).features[0, :, 18:22, 18:22].flatten(1).std(1)
        for encoding in ENCODINGS
    }
    assert spread[None].max() < 1e-6 < 1e-4 < min(spread[e].max() for e in ENCODINGS[:2])


def test_published_size():
    module = MODELS.build(dict(type='SpatialInformationModule', channels=600))
    assert module.positional.convs[0].weight.shape == (256, 1200, 3, 3)
    assert module.contextual.convs[0].weight.shape == (256, 600, 3, 3)
    assert module.positional.merge.weight.shape == (600, 768, 1, 1)
    assert module.mean.weight.shape == (600, 600, 3, 3)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(channels=8, encoding='sine'), "'sine' is unknown; choose one of .'absolute', 'rel"),
        (dict(channels=6), 'multiple of 4 channels, .* got 6'),
    ],
)
def test_faulty_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        SpatialInformationModule(**settings)
    assert SpatialInformationModule(6, 4, encoding=None)

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from label_efficient_seg.models.decode_heads import AffinityHead


def convolve(weight: torch.Tensor, x: np.ndarray) -> np.ndarray:
    """1x1 convolution of a (C, H, W) map, pixel by pixel."""
    matrix, (_, height, width) = weight.detach().double().numpy()[:, :, 0, 0], x.shape
    out = np.zeros((len(matrix), height, width))
    for i in range(height):
        for j in range(width):
            out[:, i, j] = matrix @ x[:, i, j]
    return out


def elu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)


def group_norm(x: np.ndarray, groups: int) -> np.ndarray:
    parts = []
    for part in np.split(x, groups):
        parts.append((part - part.mean()) / np.sqrt(part.var() + 1e-5))
    return np.concatenate(parts)


@pytest.mark.parametrize('norm_cfg', [None, dict(type='GN')])
def test_is_the_fused_levels(norm_cfg):
    head = AffinityHead((2, 3, 4), (8, 16, 32), norm_cfg)
    head.init_weights()
    levels = [torch.randn(1, c, 5, 7) for c in (2, 3, 4)]
    reduced = []
    for groups, level, conv in zip((1, 2, 4), levels, head.reduce, strict=True):
        x = convolve(conv.weight, level[0].double().numpy())
        reduced.append(elu(group_norm(x, groups) if norm_cfg else x))
    expected = elu(convolve(head.fuse.weight, np.concatenate(reduced)))
    found = head(levels, (5, 7))
    np.testing.assert_allclose(found[0].detach().numpy(), expected, atol=1e-4)


def test_levels_of_other_sizes_are_resized():
    head = AffinityHead((2, 2), (4, 4))
    levels = [torch.randn(2, 2, 5, 7), torch.randn(2, 2, 9, 13)]
    reduced = [F.elu(conv(level)) for conv, level in zip(head.reduce, levels, strict=True)]
    reduced[1] = F.interpolate(reduced[1], (5, 7), mode='bilinear')
    expected = F.elu(head.fuse(torch.cat(reduced, dim=1)))
    torch.testing.assert_close(head(levels, (5, 7)), expected)
    assert head(levels, (3, 4)).shape == (2, 8, 3, 4)


def test_parameters_are_those_of_the_release():
    shapes = {f'reduce.{i}.weight': (o, n, 1, 1) for i, o, n in
              ((0, 64, 512), (1, 128, 1024), (2, 256, 4096))}  # fmt: skip
    shapes['fuse.weight'] = (448, 448, 1, 1)
    head = AffinityHead((512, 1024, 4096))
    assert {k: tuple(v.shape) for k, v in head.state_dict().items()} == shapes
    norm = AffinityHead((512, 512, 1024), norm_cfg=dict(type='GN'))
    assert [layer.num_groups for layer in norm.norms] == [8, 16, 32]
    names = {f'norms.{i}.{name}' for i in range(3) for name in ('weight', 'bias')}
    assert norm.state_dict().keys() == shapes.keys() | names


def test_initial_weights():
    head = AffinityHead((512, 1024, 4096))
    head.init_weights()
    for conv in head.reduce:
        expected = (2 / conv.in_channels) ** 0.5
        assert float(conv.weight.detach().std()) == pytest.approx(expected, rel=0.03)
    limit = 4 * (6 / 896) ** 0.5
    assert 0.99 * limit < float(head.fuse.weight.detach().abs().max()) <= limit


def test_levels_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r'in_channels=\(4, 8\) and channels=\(2,\) differ'):
        AffinityHead((4, 8), (2,))
    with pytest.raises(ValueError, match='gives 1 levels, but .* has 2; set out_indices'):
        AffinityHead((4, 8), (2, 2))([torch.zeros(1, 4, 3, 3)], (3, 3))

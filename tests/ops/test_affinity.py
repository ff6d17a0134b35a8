"""Pairs, affinities and their labels against loops over the pixels."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from label_efficient_seg.ops import (
    PairLabels,
    affinity_labels,
    confident_labels,
    neighbour_offsets,
    pairwise_affinities,
    valid_pairs,
)

# Square, odd, and smaller than the neighbourhood in one or both directions.
SIZES = [(9, 9), (7, 12), (2, 11), (10, 3), (3, 2), (1, 1)]


def loop_pairs(size: tuple[int, int], radius: int, border: str):
    """Every pair (k, y, x, other y, other x) that exists."""
    (height, width), margin = size, radius - 1
    for k, (dy, dx) in enumerate(neighbour_offsets(radius)):
        for y, x in np.ndindex(height, width):
            inside = 0 <= y + dy < height and 0 <= x + dx < width
            if border == 'reference':
                # The released code crops the map before it pairs the pixels.
                inside = y < height - margin and margin <= x < width - margin
            if inside:
                yield k, y, x, y + dy, x + dx


@pytest.mark.parametrize(('radius', 'count'), [(2, 4), (3, 12), (5, 34)])
def test_offsets_are_one_half_of_the_neighbourhood(radius, count):
    offsets = neighbour_offsets(radius)
    both = set(offsets) | {(-dy, -dx) for dy, dx in offsets}
    near = {
        (dy, dx)
        for dy in range(-9, 10)
        for dx in range(-9, 10)
        if 0 < math.hypot(dy, dx) < radius - 1e-9
    }
    assert len(offsets) == count and both == near and len(near) == 2 * count


@pytest.mark.parametrize('radius', [1, 0, -5])
def test_a_radius_without_neighbours_is_refused(radius):
    with pytest.raises(ValueError, match=f'radius={radius}; it must be >= 2'):
        neighbour_offsets(radius)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('radius', [2, 5])
def test_valid_pairs_against_loop(size, radius):
    expected = torch.zeros(len(neighbour_offsets(radius)), *size, dtype=torch.bool)
    for k, y, x, _, _ in loop_pairs(size, radius, 'complete'):
        expected[k, y, x] = True
    assert torch.equal(valid_pairs(size, radius), expected)


def test_reference_border_keeps_few_pairs_of_a_small_map():
    mask = valid_pairs((9, 14), border='reference')
    assert int(mask.sum()) == 34 * 5 * 6
    # At the size of the release's crops it makes little difference.
    kept = valid_pairs((56, 56), border='reference').sum() / valid_pairs((56, 56)).sum()
    assert 0.8 < kept < 0.9


@pytest.mark.parametrize('size', [(4, 20), (20, 8), (1, 1)])
def test_reference_border_of_a_map_smaller_than_the_radius_is_refused(size):
    message = (
        rf"leaves no pair of a map of size {size[0]} x {size[1]}; it needs at least 5 x 9.*'com"
    )
    with pytest.raises(ValueError, match=message):
        valid_pairs(size, border='reference')
    with pytest.raises(ValueError, match=message):
        affinity_labels(torch.zeros(1, *size, dtype=torch.uint8), border='reference')


def test_unknown_border_is_refused():
    with pytest.raises(
        ValueError, match=r"border 'mirror' is unknown; .*\['complete', 'reference'"
    ):
        valid_pairs((9, 9), border='mirror')


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('reduction', ['mean', 'sum'])
def test_affinities_against_loop(size, reduction):
    features = torch.randn(2, 6, *size)
    f = features.double().numpy()
    expected = np.zeros((2, 34, *size))
    for k, y, x, other_y, other_x in loop_pairs(size, 5, 'complete'):
        for n in range(2):
            distance = sum(abs(f[n, c, y, x] - f[n, c, other_y, other_x]) for c in range(6))
            expected[n, k, y, x] = math.exp(-distance / (6 if reduction == 'mean' else 1))
    found = pairwise_affinities(features, reduction=reduction)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_gradient_of_affinities_by_finite_differences():
    features = torch.randn(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda f: pairwise_affinities(f, 3), features)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_features_are_compared_in_float32(dtype):
    features = torch.randn(1, 300, 4, 5).to(dtype).requires_grad_()
    affinities = pairwise_affinities(features, 3, 'sum')
    assert affinities.dtype == torch.float32
    torch.testing.assert_close(affinities, pairwise_affinities(features.float(), 3, 'sum'))
    pairwise_affinities(features, 3).sum().backward()
    assert features.grad.dtype == dtype and torch.isfinite(features.grad).all()


def test_unknown_reduction_is_refused():
    with pytest.raises(ValueError, match="reduction 'max' is unknown"):
        pairwise_affinities(torch.zeros(1, 1, 2, 2), reduction='max')


def loop_labels(labels: Tensor, radius: int, border: str, ignore_index: int) -> PairLabels:
    count = len(neighbour_offsets(radius))
    n, *size = labels.shape
    found = PairLabels(*(torch.zeros(n, count, *size, dtype=torch.bool) for _ in range(3)))
    for k, y, x, other_y, other_x in loop_pairs(tuple(size), radius, border):
        for i in range(n):
            a, b = int(labels[i, y, x]), int(labels[i, other_y, other_x])
            if a == ignore_index or b == ignore_index:
                continue
            if a != b:
                found.different[i, k, y, x] = True
            elif a == 0:
                found.background[i, k, y, x] = True
            else:
                found.foreground[i, k, y, x] = True
    return found


@pytest.mark.parametrize(
    ('size', 'border'),
    [(size, 'complete') for size in SIZES] + [((9, 9), 'reference'), ((7, 13), 'reference')],
)
@pytest.mark.parametrize(('dtype', 'ignore_index'), [(torch.uint8, 255), (torch.int64, -1)])
def test_labels_against_loop(size, border, dtype, ignore_index):
    labels = torch.randint(0, 4, (2, *size))
    labels = labels.where(labels < 3, ignore_index).to(dtype)
    found = affinity_labels(labels, border=border, ignore_index=ignore_index)
    expected = loop_labels(labels, 5, border, ignore_index)
    for name in PairLabels._fields:
        assert torch.equal(getattr(found, name), getattr(expected, name)), name
    if size == (9, 9):
        assert all(mask.any() for mask in found)


def test_neutral_labels_say_nothing():
    assert not any(mask.any() for mask in affinity_labels(torch.full((1, 6, 6), 255)))
    background = affinity_labels(torch.zeros(1, 6, 6, dtype=torch.int64))
    assert torch.equal(background.background[0], valid_pairs((6, 6)))
    assert not background.foreground.any() and not background.different.any()


def test_confident_labels_against_loop():
    low, high = torch.rand(2, 4, 6, 7), torch.rand(2, 4, 6, 7)
    low[:, 0] += 0.2
    low[0, :, :, 5:], high[0, :, :, 5:] = 0, 0
    # Scores that only one side lacks are scores.
    low[1, :, 0], high[1, :, 1] = 0, 0
    expected = torch.full((2, 6, 7), 255)
    for n, y, x in np.ndindex(2, 6, 7):
        best_low, best_high = int(low[n, :, y, x].argmax()), int(high[n, :, y, x].argmax())
        if max(low[n, :, y, x].max(), high[n, :, y, x].max()) < 1e-5:
            continue
        if best_high == 0:
            expected[n, y, x] = 0
        elif best_low != 0:
            expected[n, y, x] = best_low
    found = confident_labels(low, high)
    assert torch.equal(found, expected) and set(found.unique().tolist()) == {0, 1, 2, 3, 255}
    assert torch.equal(confident_labels(low, high, -1), expected.where(expected != 255, -1))


def test_where_both_opinions_hold_background_wins():
    low = torch.tensor([0.1, 0.9]).view(1, 2, 1, 1)
    assert confident_labels(low, 1 - low) == 0

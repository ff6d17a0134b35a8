"""The permutohedral lattice against loops over a dictionary, and as a matrix."""

import math
from collections import defaultdict

import numpy as np
import pytest
import torch

from label_efficient_seg.ops import permutohedral
from label_efficient_seg.ops.permutohedral import PermutohedralLattice


def corners_of(point: np.ndarray) -> list[tuple[tuple[int, ...], float]]:
    """The corners of the simplex around a point, and its barycentric weights, in float64."""
    d = len(point)
    # Columns: orthogonal steps in the plane of coordinates that sum to zero.
    basis = np.zeros((d + 1, d))
    for j in range(d):
        basis[: j + 1, j], basis[j + 1, j] = 1, -(j + 1)
    basis /= np.linalg.norm(basis, axis=0)
    place = math.sqrt(2 / 3) * (d + 1) * basis @ point
    # The d + 1 corners are those lattice points, one of each remainder, of which it is a mixture.
    zero = (d + 1) * np.round(place / (d + 1)).astype(int)
    difference = place - zero
    by_size = np.argsort(-difference)
    excess = zero.sum() // (d + 1)
    if excess > 0:
        zero[by_size[len(by_size) - excess :]] -= d + 1
    elif excess < 0:
        zero[by_size[:-excess]] += d + 1
    assert zero.sum() == 0
    by_size = np.argsort(-(place - zero))
    corners = []
    for remainder in range(d + 1):
        corner = zero + remainder
        corner[by_size[d + 1 - remainder :]] -= d + 1
        corners.append(corner)
    weights = np.linalg.solve(
        np.vstack([np.stack(corners, axis=1)[:d], np.ones(d + 1)]), [*place[:d], 1]
    )
    return [(tuple(c.tolist()), w) for c, w in zip(corners, weights, strict=True)]


def loop_filter(features: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Splat, blur and slice with a dictionary from corners to values."""
    d = features.shape[1]
    around = [corners_of(point) for point in features]

    def smooth(values):
        table = defaultdict(lambda: np.zeros(values.shape[1]))
        for corners, value in zip(around, values, strict=True):
            for corner, weight in corners:
                table[corner] = table[corner] + weight * value
        for axis in range(d + 1):
            step = np.ones(d + 1, dtype=int)
            step[axis] = -d
            blurred = {}
            for corner, value in table.items():
                total = value.copy()
                for neighbour in (np.add(corner, step), np.subtract(corner, step)):
                    total += 0.5 * table.get(tuple(neighbour.tolist()), 0)
                blurred[corner] = total
            table = blurred
        return np.stack([sum(w * table[c] for c, w in corners) for corners in around])

    scale = 1 / np.sqrt(smooth(np.ones((len(features), 1))))
    return scale * smooth(scale * values)


@pytest.mark.parametrize('spread', [0.3, 3, 30])
@pytest.mark.parametrize('dims', [1, 2, 3, 5])
def test_against_loop(dims, spread):
    points = (spread * torch.randn(dims, 60)).float()
    values = torch.randn(60, 4, dtype=torch.float64)
    found = PermutohedralLattice(points, torch.float64)(values)
    expected = loop_filter(points.T.double().numpy(), values.numpy())
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)


def test_close_to_gaussian():
    # Many points, all over the lattice: few gaps.
    points = torch.rand(2, 2000) * 6
    values = torch.rand(2000, 3, dtype=torch.float64)
    kernel = torch.cdist(points.T.double(), points.T.double()).square().mul(-0.5).exp()
    scale = kernel.sum(1, keepdim=True).rsqrt()
    expected = scale * (kernel @ (scale * values))
    found = PermutohedralLattice(points, torch.float64)(values)
    assert (found - expected).abs().max() < 0.05 * expected.mean()


@pytest.mark.parametrize('groups', [1, 2, 5])
def test_groups_of_channels_blocks_of_points_and_parts_of_sums_change_nothing(monkeypatch, groups):
    points = torch.randn(3, 500)
    values = torch.randn(500, 5, dtype=torch.float64)
    expected = PermutohedralLattice(points, torch.float64)(values)
    corners = len(PermutohedralLattice(points, torch.float64).splat)
    monkeypatch.setattr(permutohedral, 'MAX_SUM', 7)
    monkeypatch.setattr(permutohedral, 'MAX_POINTS', 150)
    lattice = PermutohedralLattice(points, torch.float64)
    assert len(lattice.splat) > corners and len(lattice.slices) == 4
    monkeypatch.setattr(permutohedral, 'MAX_ELEMENTS', len(lattice.splat) * groups)
    torch.testing.assert_close(lattice(values), expected, rtol=0, atol=1e-12)


def test_transposed_filter_is_the_transposed_matrix():
    # So far apart that the lattice has gaps, and the order of the axes matters.
    lattice = PermutohedralLattice(2 * torch.randn(3, 80), torch.float64)
    identity = torch.eye(80, dtype=torch.float64)
    matrix, transposed = lattice.filter(identity), lattice.filter(identity, transposed=True)
    assert (matrix - matrix.T).abs().max() > 1e-3
    torch.testing.assert_close(transposed, matrix.T, rtol=0, atol=1e-12)
    values = torch.randn(80, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lattice, values)
    assert torch.autograd.gradgradcheck(lattice, values)


def test_points_on_faces_of_simplices():
    # Equal coordinates, some exactly on corners and faces, and all points the same.
    grid = torch.stack(torch.meshgrid(*[torch.arange(-2.0, 3)] * 3, indexing='ij')).flatten(1)
    ones = torch.ones(grid.shape[1], 1)
    assert torch.isfinite(PermutohedralLattice(grid, torch.float32)(ones)).all()
    same = PermutohedralLattice(torch.zeros(3, 40), torch.float64)
    values = torch.rand(40, 2, dtype=torch.float64)
    torch.testing.assert_close(same(values), values.mean(0).expand(40, 2))


def test_keys_that_do_not_fit_are_refused():
    far = 1000 * torch.randn(8, 50)
    with pytest.raises(ValueError, match=r'places for corners, too many .*: increase the sigmas'):
        PermutohedralLattice(far, torch.float32)
    # Just below the limit, equal keys are still those of equal corners.
    near = 600 * torch.randn(5, 50)
    values = torch.randn(50, 1, dtype=torch.float64)
    torch.testing.assert_close(PermutohedralLattice(near, torch.float64)(values), values)


@pytest.mark.parametrize('value', [1e6, -1e6, float('inf'), float('nan')])
def test_points_beyond_the_precision_are_refused(value):
    points = torch.randn(2, 10)
    points[1, 3] = value
    with pytest.raises(ValueError, match=r'within 65536 standard deviations .* increase the sig'):
        PermutohedralLattice(points, torch.float32)

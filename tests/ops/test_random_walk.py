"""The walk against the power of the dense matrix, filled pixel by pixel."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from label_efficient_seg.ops import neighbour_offsets, pairwise_affinities, random_walk
from label_efficient_seg.ops.random_walk import chebyshev_coefficients

# Odd, as wide as the neighbourhood, and smaller than it in one or both directions.
SIZES = [(11, 14), (5, 9), (3, 16), (13, 2), (2, 3), (1, 1)]


def dense_matrix(affinities: Tensor, beta: float, radius: int, border: str) -> Tensor:
    """T of one image: (K, H, W) to (H W, H W), in float64, with gradient."""
    _, height, width = affinities.shape
    matrix = torch.eye(height * width, dtype=torch.float64)
    pairs = []
    for k, (dy, dx) in enumerate(neighbour_offsets(radius)):
        for y, x in np.ndindex(height, width):
            inside = y + dy < height and 0 <= x + dx < width
            if border == 'reference':
                inside = y < height - radius + 1 and radius - 1 <= x < width - radius + 1
            if inside:
                pairs.append((k, y, x, y * width + x, (y + dy) * width + x + dx))
    if pairs:
        k, y, x, i, j = torch.tensor(pairs).T
        values = affinities.double()[k, y, x] ** beta
        matrix = matrix.index_put((i, j), values).index_put((j, i), values)
    return matrix / matrix.sum(1, keepdim=True)


def dense_walk(
    scores: Tensor,
    affinities: Tensor,
    beta: float = 8,
    steps: int = 256,
    radius: int = 5,
    border: str = 'complete',
) -> Tensor:
    walked = []
    for image, of_image in zip(scores.double(), affinities, strict=True):
        power = torch.linalg.matrix_power(dense_matrix(of_image, beta, radius, border), steps)
        walked.append((power @ image.flatten(1).T).T.view_as(image))
    return torch.stack(walked)


def scores_and_affinities(
    size: tuple[int, int], radius: int = 5, batch: int = 2, classes: int = 3
) -> tuple[Tensor, Tensor]:
    """Random numbers everywhere, also where the partner lies outside and no number belongs."""
    count = len(neighbour_offsets(radius))
    # With more likeness, 256 steps would make a small map uniform.
    return torch.rand(batch, classes, *size), 0.5 * torch.rand(batch, count, *size)


@pytest.mark.parametrize(
    ('size', 'border'),
    [(size, 'complete') for size in SIZES] + [((11, 14), 'reference'), ((5, 9), 'reference')],
)
def test_against_dense_matrix(size, border):
    scores, affinities = scores_and_affinities(size)
    found = random_walk(scores, affinities, border=border)
    assert found.dtype == torch.float32 and found.shape == scores.shape
    expected = dense_walk(scores, affinities, border=border)
    assert (found - expected).abs().max() < 1e-6
    if size == (11, 14):
        # Something has happened, but the maps are not yet uniform.
        assert expected.flatten(2).std(-1).min() > 1e-2 and (found - scores).abs().max() > 0.1


@pytest.mark.parametrize('steps', [0, 1, 2, 3, 10, 100, 257])
@pytest.mark.parametrize(('beta', 'radius'), [(1, 2), (0.5, 3), (16, 5)])
def test_steps_power_and_radius(steps, beta, radius):
    scores, affinities = scores_and_affinities((6, 7), radius, batch=1, classes=1)
    found = random_walk(scores, affinities, beta, steps, radius)
    expected = dense_walk(scores, affinities, beta, steps, radius)
    assert (found - expected).abs().max() < 1e-6


def test_rounding_does_not_add_up():
    # Affinities of plausible features at a plausible size; a constant map is the worst case of
    # products in float32, which end up to 4e-5 off here.
    size = 30, 37
    coarse = torch.nn.functional.interpolate(torch.randn(1, 8, 6, 7), size)
    affinities = pairwise_affinities(coarse + 0.1 * torch.randn(1, 8, *size))
    # Four maps: constant, noise, checkerboard, single pixels.
    scores = torch.stack([
        torch.ones(size),
        torch.rand(size),
        torch.arange(size[0] * size[1]).view(size).remainder(2.0),
        (torch.rand(size) > 0.99).float(),
    ])[None]  # fmt: skip
    found = random_walk(scores, affinities)
    assert (found - dense_walk(scores, affinities)).abs().max() < 1e-6


def test_images_of_a_batch_and_classes_are_independent():
    scores, affinities = scores_and_affinities((7, 9), batch=3, classes=4)
    together = random_walk(scores, affinities)
    for n in range(3):
        single = random_walk(scores[n : n + 1, 2:3], affinities[n : n + 1])
        torch.testing.assert_close(together[n : n + 1, 2:3], single, rtol=0, atol=1e-7)
    scores[:, 1] = 0
    assert not random_walk(scores, affinities)[:, 1].any()


def test_pixels_without_likeness_keep_their_scores():
    scores, affinities = scores_and_affinities((6, 8))
    torch.testing.assert_close(random_walk(scores, 0 * affinities), scores, rtol=0, atol=1e-7)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64])
def test_dtypes(dtype):
    scores, affinities = scores_and_affinities((6, 8))
    scores, affinities = scores.to(dtype), affinities.to(dtype)
    found = random_walk(scores, affinities)
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert (found - dense_walk(scores, affinities)).abs().max() < 1e-6
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(random_walk(scores, affinities), found)


@pytest.mark.parametrize('border', ['complete', 'reference'])
def test_gradient_by_finite_differences(border):
    scores, affinities = scores_and_affinities((3, 4), radius=2, classes=2)
    scores, affinities = scores.double().requires_grad_(), affinities.double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda s, a: random_walk(s, a, 3, 5, 2, border), (scores, affinities)
    )


def test_gradient_of_the_whole_walk_against_dense_matrix():
    features = torch.randn(1, 4, 6, 7, dtype=torch.float64, requires_grad=True)
    scores = torch.rand(1, 2, 6, 7, dtype=torch.float64, requires_grad=True)
    target = torch.rand(1, 2, 6, 7)
    gradients = []
    for walk in (random_walk, dense_walk):
        loss = (walk(scores, pairwise_affinities(features)) - target).square().sum()
        gradients.append(torch.autograd.grad(loss, (features, scores)))
    for found, expected in zip(*gradients, strict=True):
        assert expected.abs().max() > 1e-3
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)
    # One of the two alone.
    affinities = pairwise_affinities(features.detach())
    for inputs in ((scores, affinities), (scores.detach(), affinities.requires_grad_())):
        random_walk(*inputs).sum().backward()
    assert scores.grad.abs().max() > 0 and affinities.grad.abs().max() > 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_gpu_gives_the_same():
    results = []
    for device in ('cpu', 'cuda'):
        torch.manual_seed(0)
        features = torch.randn(2, 4, 9, 12).to(device).requires_grad_()
        scores = torch.rand(2, 3, 9, 12).to(device).requires_grad_()
        walked = random_walk(scores, pairwise_affinities(features))
        walked.square().sum().backward()
        results.append([t.detach().cpu() for t in (walked, features.grad, scores.grad)])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


class LargestAllocation(TorchDispatchMode):
    """Bytes of the largest tensor that any operation yields, in the backward pass too."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (list, tuple)) else [result]:
            if isinstance(tensor, Tensor) and tensor.layout == torch.strided:
                self.largest = max(self.largest, tensor.untyped_storage().nbytes())
        return result


def test_no_tensor_is_quadratic_in_the_pixels():
    bytes_per_pixel = []
    for size in [(24, 31), (48, 62)]:
        scores, affinities = scores_and_affinities(size, batch=1)
        scores.requires_grad_()
        affinities.requires_grad_()
        with LargestAllocation() as allocation:
            random_walk(scores, affinities, steps=9).sum().backward()
        bytes_per_pixel.append(allocation.largest / (size[0] * size[1]))
    # The 69 weights of each pixel in float64; a dense row would have 5952 and 23808 bytes.
    assert bytes_per_pixel == pytest.approx([69 * 8] * 2, rel=0.01)


@pytest.mark.parametrize('power', [0, 1, 2, 5, 12])
def test_coefficients_against_conversion_of_polynomials(power):
    expected = np.polynomial.chebyshev.poly2cheb([0] * power + [1])
    np.testing.assert_allclose(chebyshev_coefficients(power), expected, atol=1e-15)


@pytest.mark.parametrize(('power', 'most'), [(64, 50), (255, 100), (256, 100), (1000, 200)])
def test_few_coefficients_give_the_power(power, most):
    coefficients = chebyshev_coefficients(power)
    assert len(coefficients) < most and min(coefficients) >= 0
    assert all(c == 0 for c in coefficients[(power + 1) % 2 :: 2])
    angles = np.linspace(0, math.pi, 1001)
    series = sum(c * np.cos(k * angles) for k, c in enumerate(coefficients))
    np.testing.assert_allclose(series, np.cos(angles) ** power, atol=1.01e-9)


def test_shapes_that_do_not_fit_are_refused():
    scores, affinities = scores_and_affinities((6, 8))
    with pytest.raises(ValueError, match=r'radius 4 need affinities of shape \(2, 22, 6, 8\), got'):
        random_walk(scores, affinities, radius=4)
    with pytest.raises(ValueError, match=r'\(2, 34, 5, 8\), got \(2, 34, 6, 8\)'):
        random_walk(scores[:, :, 1:], affinities)
    with pytest.raises(ValueError, match=r'\(1, 34, 6, 8\)'):
        random_walk(scores[:1], affinities)


@pytest.mark.parametrize(('beta', 'steps'), [(0, 256), (-1, 256), (8, -1)])
def test_senseless_settings_are_refused(beta, steps):
    scores, affinities = scores_and_affinities((2, 2))
    with pytest.raises(ValueError, match=f'got beta={beta} and steps={steps}'):
        random_walk(scores, affinities, beta, steps)


def test_reference_border_of_a_map_smaller_than_the_radius_is_refused():
    with pytest.raises(ValueError, match='size 4 x 20; it needs at least 5 x 9'):
        random_walk(*scores_and_affinities((4, 20)), border='reference')

"""Random walk of class scores over pixels that look alike, without the matrix of all pairs."""

import math
import warnings

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..core.errors import UserError
from .affinity import neighbour_offsets, pair_windows, place, valid_pairs

# Weight of the polynomials that are left out. Even for half a million pixels with the most unequal
# neighbourhoods of radius 5, it changes no score by more than 1e-5.
NEGLIGIBLE = 1e-9


def random_walk(
    scores: Tensor,
    affinities: Tensor,
    beta: float = 8.0,
    steps: int = 256,
    radius: int = 5,
    border: str = 'complete',
) -> Tensor:
    """Spread scores along affinities, vec(M*) = T^t vec(M) with T = D^-1 W^(beta).

    W^(beta) are the affinities, each to the power of beta; a pixel has affinity 1 with itself and 0
    beyond the radius; D are the row sums. Neither T nor T^t is formed: the scores are multiplied by
    the band of neighbours again and again, so time and memory are linear in the number of pixels.

    Some 6 sqrt(t) products are enough, 96 for t = 256. The eigenvalues of T lie in [-1, 1], where

        x^t = sum_k P(|S_t| = k) T_k(x),  with S_t the sum of t random signs,

    and the Chebyshev polynomials T_k of higher degree weigh less than 1e-9 together. Everything is
    in float64, as in float32 the rounding of 256 steps adds up to more than 1e-5. Classes do not
    interact, so absent ones may be left out.

    Args:
        scores (Tensor): CAMs, background included, (N, C, H, W), any float dtype.
        affinities (Tensor): (N, K, H, W), >= 0, as :func:`pairwise_affinities` gives them.
        beta (float): Power of the affinities; the higher, the closer the walk stays to what looks
            the same. 8 in the paper.
        steps (int): Length t of the walk, 256 in the paper.
        radius (int): The radius of the affinities.
        border (str): ``'complete'``, or ``'reference'`` to leave out the pairs that the released
            code leaves out, see :func:`valid_pairs`.

    Returns:
        Tensor: Scores after the walk, at least float32, same shape. Gradients reach both inputs;
        they need the memory of some 200 score maps more.

    Raises:
        ValueError: If the shapes do not fit, ``beta`` is not positive, ``steps`` is negative, or
            for the border, see :func:`valid_pairs`.

    Source: Ahn & Kwak, Learning Pixel-level Semantic Affinity, CVPR 2018. Their
    released code squares a dense T log2(t) times.
    """
    _check(scores, affinities, beta, steps, radius)
    batch, classes, height, width = scores.shape
    dtype = torch.promote_types(scores.dtype, torch.float32)
    weights, neighbours = _band(affinities.double(), beta, radius, border)
    degree = weights.sum(1, keepdim=True)
    transitions = weights / degree
    matrix = _sparse_matrix(transitions.detach(), neighbours)
    maps = scores.double().permute(0, 2, 3, 1).reshape(-1, classes)

    coefficients = chebyshev_coefficients(steps)
    previous, current = torch.zeros_like(maps), maps
    result = coefficients[0] * maps
    for k, coefficient in enumerate(coefficients[1:], start=1):
        product = _Step.apply(matrix, transitions, neighbours, degree.detach(), current)
        # T_1 = x T_0, then T_k = 2 x T_(k-1) - T_(k-2).
        previous, current = current, product if k == 1 else 2 * product - previous
        if coefficient:
            result = result + coefficient * current
    return result.view(batch, height, width, classes).permute(0, 3, 1, 2).to(dtype)


def chebyshev_coefficients(power: int) -> list[float]:
    """Coefficients of x^power in Chebyshev polynomials, up to the last that matters.

    Args:
        power (int): At least 0.

    Returns:
        list[float]: Coefficient of T_0, T_1 and so on, each >= 0, every other one 0. They sum to
        1 but for :data:`NEGLIGIBLE`.
    """
    coefficients = [0.0] * (power + 1)
    for k in range(power, -1, -2):
        ways = math.comb(power, (power - k) // 2) * (2 if k > 0 else 1)
        coefficients[k] = ways / 2**power
    left_out = 0.0
    while left_out + coefficients[-1] < NEGLIGIBLE:
        left_out += coefficients.pop()
    return coefficients


def _check(scores: Tensor, affinities: Tensor, beta: float, steps: int, radius: int) -> None:
    batch, _, *size = scores.shape
    expected = (batch, len(neighbour_offsets(radius)), *size)
    if tuple(affinities.shape) != expected:
        raise UserError(
            f'scores of shape {tuple(scores.shape)} and radius {radius} need affinities of shape '
            f'{expected}, got {tuple(affinities.shape)}'
        )
    if beta <= 0 or steps < 0:
        raise UserError(f'beta must be > 0 and steps >= 0, got beta={beta} and steps={steps}')


def _band(affinities: Tensor, beta: float, radius: int, border: str) -> tuple[Tensor, Tensor]:
    """Weights and row numbers of all 2 K + 1 neighbours of each pixel, (N H W, 2 K + 1)."""
    batch, _, height, width = affinities.shape
    valid = valid_pairs((height, width), radius, border, affinities.device)
    affinities = affinities.masked_fill(~valid, 1).pow(beta).masked_fill(~valid, 0)
    pixels = torch.arange(height * width, dtype=torch.int32, device=affinities.device)
    pixels = pixels.view(height, width)
    weights, neighbours = [torch.ones_like(affinities[:, 0])], [pixels]
    for k, offset in enumerate(neighbour_offsets(radius)):
        begin, end = pair_windows((height, width), offset)
        ahead = affinities[:, k]
        weights += [ahead, place(ahead[(..., *begin)], end, (height, width))]
        # A neighbour outside has weight 0; the pixel itself stands in for it.
        neighbours += [pixels.clone(), pixels.clone()]
        neighbours[-2][begin], neighbours[-1][end] = pixels[end], pixels[begin]
    first = height * width * torch.arange(batch, dtype=torch.int32, device=pixels.device)
    numbers = first.view(-1, 1, 1, 1) + torch.stack(neighbours, dim=-1)
    count = len(neighbours)
    return torch.stack(weights, dim=-1).view(-1, count), numbers.view(-1, count)


def _sparse_matrix(values: Tensor, neighbours: Tensor) -> Tensor:
    rows, count = values.shape
    starts = torch.arange(0, rows * count + 1, count, dtype=torch.int32, device=values.device)
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='Sparse (CSR tensor support|invariant checks)')
        # The row of a border pixel names this pixel several times, which is no valid CSR tensor.
        return torch.sparse_csr_tensor(
            starts, neighbours.view(-1), values.view(-1), (rows, rows), check_invariants=False
        )


class _Step(torch.autograd.Function):
    """Product of T and the maps.

    PyTorch's own gradient with respect to a sparse matrix needs a product that not every build has.
    As W is symmetric, the transpose of T = D^-1 W is D T D^-1.
    """

    @staticmethod
    def forward(
        ctx, matrix: Tensor, transitions: Tensor, neighbours: Tensor, degree: Tensor, maps: Tensor
    ) -> Tensor:
        ctx.matrix = matrix
        ctx.save_for_backward(neighbours, degree, maps)
        return matrix @ maps

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        neighbours, degree, maps = ctx.saved_tensors
        of_transitions = of_maps = None
        if ctx.needs_input_grad[1]:
            columns = neighbours.unbind(1)
            of_transitions = [(gradient * maps.index_select(0, j)).sum(1) for j in columns]
            of_transitions = torch.stack(of_transitions, dim=1)
        if ctx.needs_input_grad[4]:
            of_maps = degree * (ctx.matrix @ (gradient / degree))
        return None, of_transitions, None, None, of_maps

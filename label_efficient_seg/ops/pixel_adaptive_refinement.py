"""Pixel-adaptive refinement (PAR): class scores flow between neighbours of a similar colour."""

import math
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..core.errors import UserError

DILATIONS = (1, 2, 4, 8, 12, 24)
DIRECTIONS = tuple((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x)


def pixel_adaptive_refinement(
    scores: Tensor,
    image: Tensor,
    iterations: int = 10,
    dilations: Sequence[int] = DILATIONS,
    *,
    sigma: float = 0.3,
    position_weight: float = 0.01,
) -> Tensor:
    r"""Replace scores by a weighted sum over neighbours, several times.

    A pixel i has the neighbours j in 8 directions at each dilation, 48 in all; beyond the edge, the
    nearest pixel stands in. With I the colors and d the distances, the weights are

    .. math::

        A_{ij} = \mathrm{softmax}_j\Big(-\frac{1}{C} \sum_c \Big(\frac{I_{ic} - I_{jc}}
        {\sigma\, s_{ic}}\Big)^2\Big) + w\, \mathrm{softmax}_j\Big(-\Big(\frac{d_{ij}}
        {\sigma\, s}\Big)^2\Big),

    where s_ic and s are the standard deviations of colors and distances over the neighbours of i.
    They sum to 1 + w, so scores grow by this factor in each iteration; their ratios are the result.

    Args:
        scores (Tensor): Class scores >= 0, such as CAMs with a background, shape (N, C, H, W), any
            float dtype. Gradients flow to them.
        image (Tensor): Images, shape (N, channels, H, W), any dtype, in any unit.
        iterations (int): Number of sums.
        dilations (Sequence[int]): Distances of the neighbours in pixels along rows and columns.
        sigma (float): Scale of the differences, in standard deviations.
        position_weight (float): w.

    Returns:
        Tensor: At least float32, shape (N, C, H, W).

    Raises:
        UserError: If the shapes do not fit.

    Source: Ru et al., Learning Affinity from Attention, CVPR 2022.
    """
    if scores.shape[0] != image.shape[0] or scores.shape[2:] != image.shape[2:]:
        raise UserError(
            f'scores of shape {tuple(scores.shape)} do not fit images of shape '
            f'{tuple(image.shape)}; number and size must be the same'
        )
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    image = image.to(scores.device, scores.dtype)
    affinities = _affinities(image, dilations, sigma, position_weight)
    for _ in range(iterations):
        refined = torch.zeros_like(scores)
        for weights, values in zip(affinities, _neighbours(scores, dilations), strict=True):
            refined = refined.addcmul_(weights, values)
        scores = refined
    return scores


def _affinities(
    image: Tensor, dilations: Sequence[int], sigma: float, position_weight: float
) -> Tensor:
    """Weights of the neighbours, shape (neighbours, N, 1, H, W)."""
    deviation = torch.stack(list(_neighbours(image, dilations))).std(0) + 1e-8
    of_colors = torch.stack(
        [
            -((values - image) / (sigma * deviation)).square().mean(1, keepdim=True)
            for values in _neighbours(image, dilations)
        ]
    ).softmax(0)
    distances = torch.tensor(
        [d * math.hypot(*direction) for d in dilations for direction in DIRECTIONS],
        dtype=image.dtype,
        device=image.device,
    )
    of_positions = (-(distances / (sigma * distances.std())).square()).softmax(0)
    return of_colors + position_weight * of_positions.view(-1, 1, 1, 1, 1)


def _neighbours(maps: Tensor, dilations: Sequence[int]) -> Iterator[Tensor]:
    """Each neighbour of all pixels in turn, shape (N, C, H, W)."""
    height, width = maps.shape[-2:]
    border = max(dilations)
    padded = F.pad(maps, [border] * 4, mode='replicate')
    for dilation in dilations:
        for y, x in DIRECTIONS:
            top, left = border + dilation * y, border + dilation * x
            yield padded[..., top : top + height, left : left + width]

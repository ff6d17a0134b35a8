"""Pairs of neighbouring pixels: which there are, how alike they are, and what their labels say."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..core.errors import UserError

BORDERS = ('complete', 'reference')
Window = tuple[slice, slice]


class PairLabels(NamedTuple):
    """What the labels say about the pairs; boolean masks (N, K, H, W) without overlap.

    A pair that is in none of them has a neutral pixel or reaches beyond the border.

    Attributes:
        background (Tensor): Both pixels are background.
        foreground (Tensor): Both pixels are of the same foreground class.
        different (Tensor): The pixels are of different classes.
    """

    background: Tensor
    foreground: Tensor
    different: Tensor


def neighbour_offsets(radius: int = 5) -> list[tuple[int, int]]:
    """Steps (dy, dx) to the neighbours nearer than ``radius``, one of each opposite two.

    They lead to the right and down. There are K = 34 of them for radius 5.

    Args:
        radius (int): Distance in pixels that a neighbour must be below.

    Raises:
        ValueError: If the radius is below 2, so that there are no neighbours.
    """
    if radius < 2:
        raise UserError(f'no pixel has neighbours nearer than radius={radius}; it must be >= 2')
    return [
        (dy, dx)
        for dy in range(radius)
        for dx in range(1 - radius, radius)
        if (dy > 0 or dx > 0) and dy * dy + dx * dx < radius * radius
    ]


def pair_windows(size: Sequence[int], offset: tuple[int, int]) -> tuple[Window, Window]:
    """Where the pairs of one offset begin and end.

    Args:
        size (Sequence[int]): Height and width of the map.
        offset (tuple[int, int]): One of :func:`neighbour_offsets`.

    Returns:
        tuple[Window, Window]: Rows and columns of all pixels whose partner lies inside the map, and
        those of the partners; empty if the map is too small.
    """
    (height, width), (dy, dx) = size, offset
    # In a map too small for it, an offset has an empty window that still lies inside.
    dy, dx = min(dy, height), min(max(dx, -width), width)
    left, right = max(-dx, 0), width - max(dx, 0)
    begin = slice(0, height - dy), slice(left, right)
    end = slice(dy, height), slice(left + dx, right + dx)
    return begin, end


def place(values: Tensor, window: Window, size: tuple[int, int]) -> Tensor:
    """Maps of a size, zero outside of a window.

    Args:
        values (Tensor): (..., h, w), what the window holds.
        window (Window): Rows and columns, as :func:`pair_windows` gives them.
        size (Sequence[int]): Height and width of the maps.

    Returns:
        Tensor: (..., H, W).
    """
    (height, width), (rows, columns) = size, window
    return F.pad(values, (columns.start, width - columns.stop, rows.start, height - rows.stop))


def valid_pairs(
    size: Sequence[int],
    radius: int = 5,
    border: str = 'complete',
    device: torch.device | str | None = None,
) -> Tensor:
    """Which pixels have a partner.

    Args:
        size (Sequence[int]): Height and width of the map.
        radius (int): See :func:`neighbour_offsets`.
        border (str): ``'complete'`` has all pairs inside the map. ``'reference'`` is the border of
            AffinityNet's released code: no pair begins in the ``radius - 1`` pixels at the left,
            right and lower edge.
        device (torch.device | str, optional): Where the mask is made.

    Returns:
        Tensor: Boolean mask (K, H, W): the pair of pixel (y, x) and (y + dy, x + dx) exists.

    Raises:
        ValueError: If ``border`` is unknown, or ``'reference'`` leaves no pair at all.
    """
    if border not in BORDERS:
        raise UserError(f'border {border!r} is unknown; choose one of {list(BORDERS)}')
    offsets = neighbour_offsets(radius)
    mask = torch.zeros(len(offsets), *size, dtype=torch.bool, device=device)
    if border == 'complete':
        for k, offset in enumerate(offsets):
            begin, _ = pair_windows(size, offset)
            mask[k][begin] = True
        return mask
    margin = radius - 1
    if size[0] <= margin or size[1] <= 2 * margin:
        raise UserError(
            f"border='reference' with radius {radius} leaves no pair of a map of size {size[0]} x "
            f'{size[1]}; it needs at least {margin + 1} x {2 * margin + 1}. '
            "border='complete' takes any size"
        )
    mask[:, : size[0] - margin, margin : size[1] - margin] = True
    return mask


def pairwise_affinities(features: Tensor, radius: int = 5, reduction: str = 'mean') -> Tensor:
    """How alike neighbouring pixels are, W_ij = exp(-|f_i - f_j|).

    The differences, K times as large as the features, are computed anew for the gradient, which has
    no gradient itself.

    Args:
        features (Tensor): (N, C, H, W), any float dtype and any size.
        radius (int): See :func:`neighbour_offsets`.
        reduction (str): ``'mean'`` over the channels, as in AffinityNet's released code, or
            ``'sum'``, the L1 norm, as in the paper.

    Returns:
        Tensor: At least float32, (N, K, H, W), in [0, 1]: pixel (y, x) with (y + dy, x + dx) for
        each offset; 0 where that lies outside.

    Raises:
        ValueError: If ``reduction`` is something else.

    Source: Ahn & Kwak, Learning Pixel-level Semantic Affinity, CVPR 2018.
    """
    if reduction not in ('mean', 'sum'):
        raise UserError(f"reduction {reduction!r} is unknown; choose 'mean' or 'sum'")
    features = features.to(torch.promote_types(features.dtype, torch.float32))
    return _PairwiseAffinities.apply(
        features, radius, 1 / features.shape[1] ** (reduction == 'mean')
    )


class _PairwiseAffinities(torch.autograd.Function):
    """``exp(-scale |f_i - f_j|)``, with one offset's differences at a time in both directions."""

    @staticmethod
    def forward(ctx, features: Tensor, radius: int, scale: float) -> Tensor:
        offsets, size = neighbour_offsets(radius), features.shape[-2:]
        affinities = features.new_zeros(len(features), len(offsets), *size)
        for k, offset in enumerate(offsets):
            begin, end = pair_windows(size, offset)
            difference = features[(..., *begin)] - features[(..., *end)]
            affinities[(slice(None), k, *begin)] = (-scale * difference.abs_().sum(1)).exp()
        ctx.save_for_backward(features, affinities)
        ctx.radius, ctx.scale = radius, scale
        return affinities

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        features, affinities = ctx.saved_tensors
        slopes = -ctx.scale * gradient * affinities
        result = torch.zeros_like(features)
        for k, offset in enumerate(neighbour_offsets(ctx.radius)):
            begin, end = pair_windows(features.shape[-2:], offset)
            change = (features[(..., *begin)] - features[(..., *end)]).sign_()
            change *= slopes[(slice(None), k, *begin)][:, None]
            result[(..., *begin)] += change
            result[(..., *end)] -= change
        return result, None, None


def confident_labels(low_alpha: Tensor, high_alpha: Tensor, ignore_index: int = 255) -> Tensor:
    """Classes of the pixels that two opinions on the background leave no doubt about.

    A pixel has the best class of ``low_alpha``, which overrates the background, if that is a
    foreground class. It is background if ``high_alpha``, which underrates it, says so; where both
    hold background wins, as in the released code. Everything else is neutral, as are pixels
    without any score, which lie outside of the image.

    Args:
        low_alpha (Tensor): Scores refined by a CRF from a background of low power, such as 4,
            (N, 1 + classes, H, W), background first. Average them down to the size of the features
            before, not after.
        high_alpha (Tensor): The same with a high power, 24 in the paper and 32 in the
            released code.
        ignore_index (int): Label of the neutral pixels.

    Returns:
        Tensor: int64, (N, H, W): 0 for background, 1 to classes, or ``ignore_index``.
    """
    foreground = low_alpha.max(1).indices
    labels = foreground.masked_fill(foreground == 0, ignore_index)
    labels = labels.masked_fill(high_alpha.max(1).indices == 0, 0)
    nothing = torch.maximum(low_alpha.amax(1), high_alpha.amax(1)) < 1e-5
    return labels.masked_fill(nothing, ignore_index)


def affinity_labels(
    labels: Tensor, radius: int = 5, border: str = 'complete', ignore_index: int = 255
) -> PairLabels:
    """What the labels of the pixels say about their pairs.

    Args:
        labels (Tensor): Integer, (N, H, W): 0 for background, ``ignore_index`` for neutral pixels,
            else a foreground class.
        radius (int): See :func:`neighbour_offsets`.
        border (str): See :func:`valid_pairs`.
        ignore_index (int): Label of the neutral pixels.

    Returns:
        PairLabels: Three boolean masks (N, K, H, W).

    Raises:
        ValueError: See :func:`valid_pairs`.
    """
    size = labels.shape[-2:]
    offsets = neighbour_offsets(radius)
    partners = labels.new_full((len(labels), len(offsets), *size), ignore_index)
    for k, offset in enumerate(offsets):
        begin, end = pair_windows(size, offset)
        partners[(slice(None), k, *begin)] = labels[(slice(None), *end)]
    labels = labels[:, None]
    counted = valid_pairs(size, radius, border, labels.device)
    counted = counted & (labels != ignore_index) & (partners != ignore_index)
    same = counted & (labels == partners)
    return PairLabels(same & (labels == 0), same & (labels != 0), counted & ~same)

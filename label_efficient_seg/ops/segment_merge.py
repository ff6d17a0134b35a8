"""Merge of a pseudo mask with class-agnostic segments, such as those of Segment Anything."""

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.labels import IGNORE


def merge_segments(
    mask: Tensor,
    segments: Tensor,
    segment_share: float = 0.5,
    class_share: float = 0.85,
    max_growth: float | None = None,
) -> Tensor:
    """Let each class of a pseudo mask grow or shrink to whole segments.

    With P_i the pixels of class i and s a segment, class i takes s if |P_i & s| > 0.5 |s|, so that
    it is most of the segment, or |P_i & s| >= 0.85 |P_i|, so that the segment holds nearly all of
    the class. Classes take in the order of their indices, and a segment goes to one class only. A
    class then has the pixels of its segments, and those of its own that no segment covers. Where
    the pixels of two classes overlap, the later one has them. What is left is background.

    Args:
        mask (Tensor): Class indices, 0 for background and 255 for neutral pixels, which stay
            neutral; shape (H, W), any integer dtype.
        segments (Tensor): Boolean, shape (S, H, W); S may be 0. Segments may overlap, and their
            order does not matter.
        segment_share (float): The 0.5 above.
        class_share (float): The 0.85 above.
        max_growth (float, optional): Take no segment with more than this many times the pixels of
            the class, which keeps small classes from taking segments of half the image. Not in the
            paper.

    Returns:
        Tensor: Shape and dtype of ``mask``.

    Raises:
        UserError: If the sizes differ.

    Source: Chen et al., Segment Anything Model (SAM) Enhanced Pseudo Labels for Weakly Supervised
    Semantic Segmentation, NeurIPS 2023 workshop.
    """
    if segments.shape[1:] != mask.shape:
        raise UserError(
            f'segments of size {tuple(segments.shape[1:])} do not fit a mask of size '
            f'{tuple(mask.shape)}'
        )
    sizes, covered = segments.sum((1, 2)), segments.any(0)
    free = torch.ones_like(sizes, dtype=torch.bool)
    neutral = mask == IGNORE
    merged = mask.masked_fill(~neutral, 0)
    for index in mask.unique().tolist():
        if index in (0, IGNORE):
            continue
        region = mask == index
        common, area = (segments & region).sum((1, 2)), region.sum()
        taken = free & ((common > segment_share * sizes) | (common >= class_share * area))
        if max_growth is not None:
            taken &= sizes <= max_growth * area
        free &= ~taken
        pixels = segments[taken].any(0) | (region & ~covered)
        merged[pixels & ~neutral] = index
    return merged

"""From boxes to crops of an image, and from score maps of the crops back to one of the image."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..core.errors import UserError

MAX, SUM = 'max', 'sum'


def as_boxes(boxes: Tensor | np.ndarray | Sequence) -> Tensor:
    """Check boxes.

    Args:
        boxes (Tensor | np.ndarray | Sequence): Shape (P, 4), or nothing at all.

    Returns:
        Tensor: float64, shape (P, 4), on the CPU.

    Raises:
        ValueError: If they are not (P, 4) or not finite.
    """
    boxes = torch.as_tensor(boxes, dtype=torch.float64, device='cpu').detach()
    boxes = boxes if boxes.numel() else boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise UserError(
            f'proposals have shape {tuple(boxes.shape)}; they must be (P, 4): x1, y1, x2, y2'
        )
    if not torch.isfinite(boxes).all():
        raise UserError('proposals must be finite, but have NaN or infinity; make them again')
    return boxes


def prepare_boxes(
    boxes: Tensor | np.ndarray,
    size: Sequence[int],
    enlarge: float = 1.2,
    min_size: float = 0,
    limit: int | None = None,
) -> Tensor:
    """Enlarge boxes around their centres and cut them at the borders of the image.

    Edges are rounded to the nearest pixel, .5 upwards. Training and inference both use this rule.
    Boxes without area and those with no whole pixel of the image are left out.

    Args:
        boxes (Tensor | np.ndarray): x1, y1, x2, y2 in pixels, x2 and y2 exclusive, the best box
            first, shape (P, 4).
        size (Sequence[int]): Height and width of the image.
        enlarge (float): Factor of width and height.
        min_size (float): Boxes whose shorter side is less than so many pixels, once they are
            enlarged and before they are cut, are left out as well.
        limit (int, optional): Keep the first so many of what is left.

    Returns:
        Tensor: Whole pixels, x2 and y2 exclusive, int64, shape (P', 4), on the CPU.

    Raises:
        ValueError: If the boxes are not (P, 4) or not finite.
    """
    boxes = as_boxes(boxes)
    height, width = size
    low, high = boxes[:, :2], boxes[:, 2:]
    center, half = (low + high) / 2, (high - low) * enlarge / 2
    whole = (torch.cat([center - half, center + half], dim=1) + 0.5).floor()
    limits = whole.new_tensor([width, height, width, height])
    cut = torch.minimum(whole.clamp(min=0), limits).long()
    keep = (high > low).all(1) & (2 * half >= min_size).all(1) & (cut[:, 2:] > cut[:, :2]).all(1)
    return cut[keep][:limit]


def crop_boxes(image: Tensor, boxes: Tensor, size: Sequence[int], antialias: bool = True) -> Tensor:
    """Cut boxes out of an image and resize them bilinearly to one size.

    Args:
        image (Tensor): Shape (C, H, W), any float dtype.
        boxes (Tensor): From :func:`prepare_boxes`, shape (P, 4).
        size (Sequence[int]): Height and width of the crops.
        antialias (bool): True: average over the pixels that a pixel of a smaller crop stands for,
            as the released code's ``imresize`` of MATLAB does. False: as MMSeg's ``Resize``.

    Returns:
        Tensor: Crops, shape (P, C, *size).
    """
    crops = image.new_empty((len(boxes), len(image), *size))
    for crop, (x1, y1, x2, y2) in zip(crops, boxes.tolist(), strict=True):
        crop.copy_(_resize(image[:, y1:y2, x1:x2], size, antialias))
    return crops


def paste_scores(
    total: Tensor,
    scores: Tensor,
    boxes: Tensor,
    aggregation: str = MAX,
    antialias: bool = True,
) -> Tensor:
    r"""Add score maps of boxes to those of an image.

    With G_i being the map of box i, resized to the box and zero around it, and the zero map G_0
    that ``total`` begins with, all calls together make

    .. math::

        P(x, y, c) = \max_{i \ge 0} G_i(x, y, c) \quad \text{or} \quad \sum_i G_i(x, y, c).

    Each map touches the pixels of its box only, so neither memory nor time is spent on the zeros.
    With ``'max'``, scores below zero count as zero, as in the released code.

    Args:
        total (Tensor): Shape (C, H, W), float32; zeros before the first call. Changed in place.
        scores (Tensor): Score maps of boxes, shape (P, C, h, w), any float dtype.
        boxes (Tensor): From :func:`prepare_boxes`, shape (P, 4).
        aggregation (str): ``'max'`` or ``'sum'``, the same in all calls.
        antialias (bool): As in :func:`crop_boxes`, for boxes smaller than the maps.

    Returns:
        Tensor: ``total``.

    Raises:
        ValueError: If ``aggregation`` is unknown, or scores, boxes and ``total`` do not fit.

    Source: Noh et al., Learning Deconvolution Network, ICCV 2015, eqs. (1) and (2).
    """
    if aggregation not in (MAX, SUM):
        raise UserError(f"aggregation must be '{MAX}' or '{SUM}', but is {aggregation!r}")
    if len(scores) != len(boxes) or scores.shape[1] != len(total):
        raise UserError(
            f'{tuple(scores.shape)} scores of {len(boxes)} boxes do not fit into a map of '
            f'{len(total)} classes; one map per box with all classes is needed'
        )
    for score, (x1, y1, x2, y2) in zip(scores, boxes.tolist(), strict=True):
        region = total[:, y1:y2, x1:x2]
        resized = _resize(score.to(total.dtype), (y2 - y1, x2 - x1), antialias)
        if aggregation == MAX:
            torch.maximum(region, resized, out=region)
        else:
            region.add_(resized)
    return total


def _resize(image: Tensor, size: Sequence[int], antialias: bool) -> Tensor:
    return F.interpolate(
        image[None], tuple(size), mode='bilinear', align_corners=False, antialias=antialias
    )[0]

"""Mixing two images: which pixels come from the other one, and the mixture itself."""

import torch
from torch import Tensor


def box_masks(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Masks of rectangular boxes, as CutMix pastes them.

    Args:
        boxes (Tensor): (..., 4), integers: x1, y1, x2, y2 in pixels. The pixels x1 to x2 - 1 and
            y1 to y2 - 1 are inside; equal corners give an empty box.
        size (tuple[int, int]): Height and width.

    Returns:
        Tensor: Boolean, (..., H, W).

    Source: Yun et al., CutMix, ICCV 2019.
    """
    y = torch.arange(size[0], device=boxes.device)[:, None]
    x = torch.arange(size[1], device=boxes.device)
    x1, y1, x2, y2 = boxes[..., None, None].unbind(-3)
    return (x >= x1) & (x < x2) & (y >= y1) & (y < y2)


def class_masks(labels: Tensor, num_classes: int) -> Tensor:
    """Masks of half of the classes of each image, as ClassMix pastes them.

    Of the k classes that an image has, ceil(k / 2) are drawn from PyTorch's global generator, each
    with the same probability. The draw is separate for each image, as in the paper; the code that
    DACS released draws once for the whole batch and counts unlabeled pixels as a class.

    Args:
        labels (Tensor): (N, H, W), int64. Pixels with a value outside [0, num_classes), such as the
            ignore index, are in no mask.
        num_classes (int): C.

    Returns:
        Tensor: Boolean, (N, H, W).

    Source: Olsson et al., ClassMix, WACV 2021; Tranheden et al., DACS, WACV 2021.
    """
    labeled = (labels >= 0) & (labels < num_classes)
    classes = torch.where(labeled, labels, num_classes).flatten(1)
    present = torch.zeros(
        (len(labels), num_classes + 1), dtype=torch.bool, device=labels.device
    ).scatter_(1, classes, True)
    present[:, num_classes] = False
    # Present classes come first in a random order.
    order = torch.rand(present.shape, device=labels.device) + ~present
    rank = order.argsort(dim=1).argsort(dim=1)
    drawn = present & (2 * rank < present.sum(dim=1, keepdim=True))
    return drawn.gather(1, classes).view_as(labels)


def mix(masks: Tensor, inside: Tensor, outside: Tensor) -> Tensor:
    """Take the pixels of a mask from one tensor and all others from another.

    The same call mixes images, labels, confidences and validity masks.

    Args:
        masks (Tensor): Boolean, (..., H, W).
        inside (Tensor): (..., H, W), or images with a dimension more than the masks,
            (..., C, H, W).
        outside (Tensor): Same shape and dtype as ``inside``.

    Returns:
        Tensor: Of the shape that masks and tensors broadcast to.
    """
    if inside.dim() > masks.dim():
        masks = masks.unsqueeze(-3)
    return torch.where(masks, inside, outside)

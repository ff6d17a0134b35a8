"""Single objects of a mask, and the arithmetic of their boxes.

A box is ``(x1, y1, x2, y2)`` in pixels; x2 and y2 are exclusive.
"""

import cv2
import numpy as np

from ...core.errors import UserError
from ...core.labels import IGNORE

Box = tuple[int, int, int, int]


def object_boxes(
    mask: np.ndarray,
    instances: np.ndarray | None = None,
    *,
    ignore: int = IGNORE,
    background: int = 0,
) -> list[tuple[int, Box]]:
    """Boxes of the single objects of a mask.

    Without an instance mask, an object is a connected component (of 8 neighbours) of a class: one
    that something hides in part may be two, and touching ones of a class are one.

    Args:
        mask (np.ndarray): Classes, uint8, shape (H, W).
        instances (np.ndarray, optional): Number of the object that a pixel belongs to, 0 and
            ``ignore`` for none, shape (H, W). The class of an object is the one that most of its
            pixels have; objects without any pixel of a class are left out.
        ignore (int): Label of pixels of no class.
        background (int): Label of pixels of no object.

    Returns:
        list[tuple[int, Box]]: Class and box of each object, in the order of the classes, or of the
        numbers of the objects.

    Raises:
        ValueError: If the shapes differ.
    """
    if instances is None:
        labels = [label for label in np.unique(mask).tolist() if label not in (ignore, background)]
        return [(label, box) for label in labels for box in _component_boxes(mask == label)]
    if instances.shape != mask.shape:
        raise UserError(
            f'the instance mask has shape {instances.shape}, but the mask {mask.shape}; they must '
            'be of one image'
        )
    objects = []
    valid = (mask != ignore) & (mask != background)
    for number in np.unique(instances).tolist():
        pixels = (instances == number) & valid
        if number not in (0, ignore) and pixels.any():
            label = int(np.bincount(mask[pixels]).argmax())
            objects.append((label, _bounding_box(pixels & (mask == label))))
    return objects


def _component_boxes(pixels: np.ndarray) -> list[Box]:
    _, _, stats, _ = cv2.connectedComponentsWithStats(pixels.astype(np.uint8), connectivity=8)
    # The first is what is left over.
    return [(x, y, x + width, y + height) for x, y, width, height, _ in stats[1:].tolist()]


def _bounding_box(pixels: np.ndarray) -> Box:
    rows, columns = pixels.any(axis=1).nonzero()[0], pixels.any(axis=0).nonzero()[0]
    return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)

"""Proposals that need nothing but NumPy and OpenCV: windows of many sizes, ranked by edges."""

from functools import lru_cache

import numpy as np

from .objectness import Objectness

# Width by height of windows, and how far the next one lies, in sides of the window.
SHAPES = (1 / 2, 2**-0.5, 1, 2**0.5, 2)
STEP = 0.15
# Of these, more would cost time and few would be kept.
CANDIDATES = 20000
# A window's neighbours of the same size overlap it by more, so the best of them stays alone.
MAX_IOU = 0.6


def window_proposals(image: np.ndarray, num: int) -> tuple[np.ndarray, np.ndarray]:
    """Rank windows by their edges, and drop those that overlap a better one by an IoU above 0.6.

    Args:
        image (np.ndarray): uint8, shape (H, W, 3).
        num (int): Number of boxes at most.

    Returns:
        tuple[np.ndarray, np.ndarray]: Boxes, int64 (P, 4), and their falling scores, (P,).
    """
    boxes = window_grid(image.shape[:2])
    scores = Objectness(image)(boxes)
    best = np.argsort(-scores, kind='stable')[:CANDIDATES]
    kept = suppress(boxes[best], num)
    return boxes[best][kept], scores[best][kept]


@lru_cache(maxsize=16)
def window_grid(size: tuple[int, int]) -> np.ndarray:
    """Windows of five shapes, from 12 pixels or a twentieth of the image to all of it.

    Args:
        size (tuple[int, int]): Height and width of the image.

    Returns:
        np.ndarray: int64, shape (N, 4), pairwise different, read-only.
    """
    limits = np.array(size[::-1])
    side, groups = max(12, max(size) / 20), []
    while not groups or side <= 1.5 * max(size):
        for shape in SHAPES:
            extent = np.minimum([side * shape**0.5, side / shape**0.5], limits)
            free = limits - extent
            x, y = (
                np.linspace(0, room, int(np.ceil(room / (STEP * length))) + 1)
                for room, length in zip(free, extent, strict=True)
            )
            corners = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
            groups.append(np.concatenate([corners, corners + extent], axis=1))
        side *= 2**0.5
    boxes = np.unique(np.rint(np.concatenate(groups)).astype(np.int64), axis=0)
    boxes.flags.writeable = False
    return boxes


def suppress(boxes: np.ndarray, num: int, max_iou: float = MAX_IOU) -> np.ndarray:
    """Greedy non-maximum suppression.

    Args:
        boxes (np.ndarray): The best one first, shape (N, 4).
        num (int): Number of boxes to keep at most.
        max_iou (float): Boxes that overlap a better, kept one by more are dropped.

    Returns:
        np.ndarray: Indices of the kept ones, rising.
    """
    # Columns of their own: rows of four are several times slower.
    x1, y1, x2, y2 = columns = boxes.T.astype(np.float32)
    areas = (x2 - x1) * (y2 - y1)
    kept, rest = [], np.arange(len(boxes))
    while len(rest) and len(kept) < num:
        first, rest = rest[0], rest[1:]
        kept.append(first)
        left, top, right, bottom = columns[:, first]
        common = np.minimum(x2[rest], right) - np.maximum(x1[rest], left)
        common = common.clip(0) * (np.minimum(y2[rest], bottom) - np.maximum(y1[rest], top)).clip(0)
        rest = rest[common <= max_iou * (areas[rest] + areas[first] - common)]
    return np.array(kept, int)

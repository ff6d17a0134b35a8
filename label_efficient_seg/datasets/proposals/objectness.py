"""How much a box looks like that of an object, judged by the edges in it and across its border."""

import numpy as np

from .edges import find_edges

# Weaker edges are noise and fine texture.
FLOOR = 0.15
# Tuned on the toy dataset's training images.
CUT, OUTSIDE, POWER = 6.0, 1.0, 1.5
# Width of the ring around a box, in sides of the box.
RING = 0.1


class Objectness:
    """Scores boxes of an image, each in a time that does not depend on its size.

    ::

        score = (inside - 6 cut - around) / perimeter ** 1.5

    ``inside`` sums the strength of the edges in the box but not in its centre (half the width and
    height), since what lies in the middle of an object says nothing about its border. ``cut`` sums
    that of the edges that run through the border of the box, and ``around`` that of the edges in a
    ring around it. The border of the image cuts nothing.

    Args:
        image (np.ndarray): uint8, shape (H, W, 3).

    Source: after Zitnick & Dollár, Edge Boxes, ECCV 2014, whose groups of edges are left out: with
    sums over rectangles alone, many boxes are scored at once.
    """

    def __init__(self, image: np.ndarray) -> None:
        edges = find_edges(image)
        strength = np.maximum(edges.strength - FLOOR, 0)
        self.height, self.width = strength.shape
        self._area = np.pad(strength.cumsum(0, np.float64).cumsum(1), ((1, 0), (1, 0)))
        # An edge cuts a line between two pixels as far as it runs across it, not along it.
        level, upright = strength * np.abs(edges.y), strength * np.abs(edges.x)
        columns, rows = np.zeros((2, self.height + 1, self.width + 1))
        columns[1:, 1:-1] = np.minimum(level[:, 1:], level[:, :-1]).cumsum(0)
        rows[1:-1, 1:] = np.minimum(upright[1:], upright[:-1]).cumsum(1)
        self._columns, self._rows = columns, rows

    def __call__(self, boxes: np.ndarray) -> np.ndarray:
        """Score boxes.

        Args:
            boxes (np.ndarray): Inside the image, integers, shape (N, 4): left, top, right and
                bottom edge, right and bottom exclusive.

        Returns:
            np.ndarray: float32, shape (N,).
        """
        x1, y1, x2, y2 = boxes.T
        width, height = x2 - x1, y2 - y1
        inside = self._sum(x1, y1, x2, y2)
        dx, dy = width // 4, height // 4
        center = self._sum(x1 + dx, y1 + dy, x2 - dx, y2 - dy)
        dx, dy = (np.maximum(np.rint(RING * side).astype(int), 1) for side in (width, height))
        ring = (
            np.maximum(x1 - dx, 0), np.maximum(y1 - dy, 0),
            np.minimum(x2 + dx, self.width), np.minimum(y2 + dy, self.height),
        )  # fmt: skip
        around = self._sum(*ring) - inside
        cut = sum(self._columns[y2, x] - self._columns[y1, x] for x in (x1, x2))
        cut += sum(self._rows[y, x2] - self._rows[y, x1] for y in (y1, y2))
        score = inside - center - CUT * cut - OUTSIDE * around
        return (score / (2 * (width + height)) ** POWER).astype(np.float32)

    def _sum(self, x1: np.ndarray, y1: np.ndarray, x2: np.ndarray, y2: np.ndarray) -> np.ndarray:
        area = self._area
        return area[y2, x2] - area[y1, x2] - area[y2, x1] + area[y1, x1]

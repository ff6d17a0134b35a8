"""Edges of an image, by which boxes that hold an object are told from others."""

from typing import NamedTuple

import cv2
import numpy as np


class Edges(NamedTuple):
    """What :func:`find_edges` finds.

    Attributes:
        strength (np.ndarray): In [0, 1], 1 for the strongest edges, float32, shape (H, W).
        x (np.ndarray): Horizontal part of the direction across the edge, in [-1, 1], same shape.
        y (np.ndarray): Vertical part, likewise.
    """

    strength: np.ndarray
    x: np.ndarray
    y: np.ndarray


def find_edges(image: np.ndarray, sigma: float = 1.0) -> Edges:
    """Gradient of the colours, each pixel by the channel in which it is steepest.

    Args:
        image (np.ndarray): uint8, shape (H, W, 3).
        sigma (float): Standard deviation of the smoothing in pixels.

    Returns:
        Edges: Strength and direction in each pixel.
    """
    smooth = cv2.GaussianBlur(image.astype(np.float32), (0, 0), sigma)
    x, y = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    length = np.hypot(x, y)
    steepest = length.argmax(axis=2)[..., None]
    x, y, length = (np.take_along_axis(a, steepest, axis=2)[..., 0] for a in (x, y, length))
    divisor = np.maximum(length, 1e-6)
    # The share of strongest pixels hardly depends on noise, as a maximum would.
    scale = max(float(np.percentile(length, 98)), 1e-6)
    return Edges(np.minimum(length / scale, 1), x / divisor, y / divisor)


def thin_edges(edges: Edges) -> np.ndarray:
    """Keep the strength where it is no less than on both sides of the edge.

    Args:
        edges (Edges): Of an image.

    Returns:
        np.ndarray: Strength, 0 beside the ridges, float32, shape (H, W).
    """
    rows, columns = np.indices(edges.strength.shape, np.float32)
    sides = [
        cv2.remap(
            edges.strength, columns + sign * edges.x, rows + sign * edges.y, cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        for sign in (-1, 1)
    ]  # fmt: skip
    return np.where(edges.strength >= np.maximum(*sides), edges.strength, 0).astype(np.float32)

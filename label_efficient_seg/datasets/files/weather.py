"""Synthetic fog and night for photographs of streets, taken from a car and by day."""

from collections.abc import Callable

import cv2
import numpy as np

HORIZON = 0.45
"""Row of the horizon, as a share of the height."""


def fog(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Fog by Koschmieder's law: ``image * t + airlight * (1 - t)`` with ``t = exp(-density * d)``.

    The distance d is that of flat ground below the horizon (1 at its greatest) and 1 above it: no
    depth is known, so near objects that rise above the horizon drown too. The density varies
    smoothly over the image.

    Args:
        image (np.ndarray): RGB, uint8, shape (H, W, 3).
        generator (np.random.Generator): Draws density and airlight.

    Returns:
        np.ndarray: RGB, uint8, shape (H, W, 3).
    """
    height, width = image.shape[:2]
    below = (np.arange(height, dtype=np.float32) + 0.5) / height - HORIZON
    distance = np.minimum(1, 0.08 / np.maximum(below, 1e-6))
    density = generator.uniform(1.2, 2.2) * _smooth(generator, height, width, 0.7, 1.3)
    kept = np.exp(-density * distance[:, None])[..., None]
    airlight = generator.uniform(190, 225) * np.array([0.98, 1.0, 1.02], np.float32)
    return _to_bytes(image * kept + airlight * (1 - kept))


def night(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Night: little light, bluish and with little colour, headlights on the road, and noise.

    Args:
        image (np.ndarray): RGB, uint8, shape (H, W, 3).
        generator (np.random.Generator): Draws exposure, headlights and noise.

    Returns:
        np.ndarray: RGB, uint8, shape (H, W, 3).
    """
    height, width = image.shape[:2]
    light = (image.astype(np.float32) / 255) ** 2.2
    grey = light.mean(-1, keepdims=True)
    light = 0.5 * light + 0.5 * grey
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    across = (columns / width - 0.5) / 0.35
    down = (rows / height - 0.75) / 0.2
    lamps = generator.uniform(2, 4) * np.exp(-(across**2) - down**2)
    exposure = generator.uniform(0.06, 0.12) * _smooth(generator, height, width, 0.6, 1.4)
    # Without the sun, the sky is no longer the brightest part.
    sky = np.clip((HORIZON - rows / height) / HORIZON, 0, 1)
    exposure = exposure * (1 - 0.7 * sky) * (1 + lamps)
    dark = light * exposure[..., None] * np.array([0.85, 0.9, 1.1], np.float32)
    noise = generator.standard_normal(image.shape, np.float32)
    dark = dark + noise * np.sqrt(1e-5 + 4e-4 * dark)
    return _to_bytes(255 * np.clip(dark, 0, 1) ** (1 / 2.2))


WEATHER: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = dict(
    fog=fog, night=night
)


def _smooth(
    generator: np.random.Generator, height: int, width: int, low: float, high: float
) -> np.ndarray:
    """A random field without sharp edges, float32, shape (H, W)."""
    coarse = generator.uniform(low, high, (4, 5)).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def _to_bytes(image: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)

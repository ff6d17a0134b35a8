"""From scenes to images: the source and the target style of the toy dataset."""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np

from .scene import ToyScene, render_scene
from .spec import SPLITS, STYLES, ToySpec

_GOLDEN_RATIO = (math.sqrt(5) - 1) / 2


def render(spec: ToySpec, style: str, split: str, index: int) -> ToyScene:
    """Render one image of the dataset; it depends on nothing but the arguments.

    Args:
        spec (ToySpec): Parameters.
        style (str): 'source' or 'target'.
        split (str): 'train' or 'val'.
        index (int): Number of the image in its split.

    Returns:
        ToyScene: As from ``render_scene``, with the style applied and the image in uint8.
    """
    rng = np.random.default_rng([spec.seed, STYLES.index(style), SPLITS.index(split), index])
    scene = render_scene(spec, rng)
    image = scene.image + spec.noise * rng.standard_normal(scene.image.shape, np.float32)
    if style == 'target':
        image = apply_target_style(image, difficulty(index), spec, rng)
    return dataclasses.replace(scene, image=np.clip(np.rint(image), 0, 255).astype(np.uint8))


def difficulty(index: int) -> float:
    """Difficulty of a target image, in [0, 1): multiples of the golden ratio modulo 1.

    They cover the interval evenly however many images are drawn.
    """
    return (0.5 + index * _GOLDEN_RATIO) % 1


def apply_target_style(
    image: np.ndarray, level: float, spec: ToySpec, rng: np.random.Generator
) -> np.ndarray:
    """Darken, tint, blur and disturb an image.

    Args:
        image (np.ndarray): RGB, float32, shape (H, W, 3), about [0, 255].
        level (float): Difficulty in [0, 1].
        spec (ToySpec): Parameters; the ``target_*`` pairs are used.
        rng (np.random.Generator): Source of the noise.

    Returns:
        np.ndarray: float32, shape (H, W, 3), not clipped.
    """

    def at(pair: tuple[float, float]) -> float:
        return pair[0] + level * (pair[1] - pair[0])

    cast = at(spec.target_cast)
    gain = at(spec.target_gain) * np.array([1 - cast, 1, 1 + cast], np.float32)
    image = 255 * gain * np.clip(image / 255, 0, 1) ** at(spec.target_gamma)
    image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), at(spec.target_blur))
    return image + at(spec.target_noise) * rng.standard_normal(image.shape, np.float32)

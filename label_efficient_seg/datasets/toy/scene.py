"""Scenes of the toy dataset: textured shapes over textured backgrounds."""

from __future__ import annotations

import colorsys
import dataclasses
import math

import cv2
import numpy as np

from ...core.labels import IGNORE
from .spec import HUES, SHAPES, TEXTURES, ToySpec


@dataclasses.dataclass(frozen=True)
class ToyObject:
    """One object; positions and lengths in pixels, angles in radians, colours RGB."""

    shape: str
    texture: str
    x: float
    y: float
    radius: float
    period: float
    texture_angle: float
    texture_phase: tuple[float, float]
    colors: np.ndarray  # (2, 3), grey levels of the texture's two colours

    @property
    def class_index(self) -> int:
        """Index into ``CLASSES``."""
        return 1 + len(TEXTURES) * SHAPES.index(self.shape) + TEXTURES.index(self.texture)


@dataclasses.dataclass(frozen=True)
class ToyScene:
    """A rendered scene of height and width S.

    Args:
        image (np.ndarray): RGB, float32, shape (S, S, 3), in [0, 255].
        labels (np.ndarray): Class indices, uint8, shape (S, S); 255 on the object contours.
        instances (np.ndarray): 1-based positions in ``objects``, uint8, shape (S, S); 0 is the
            background, 255 the object contours.
        objects (tuple[ToyObject]): From the farthest to the nearest.
    """

    image: np.ndarray
    labels: np.ndarray
    instances: np.ndarray
    objects: tuple[ToyObject, ...]


def render_scene(spec: ToySpec, rng: np.random.Generator) -> ToyScene:
    """Draw one random scene.

    Args:
        spec (ToySpec): Parameters.
        rng (np.random.Generator): Source of all randomness.

    Returns:
        ToyScene: Image without pixel noise or style, its masks and its objects.
    """
    size = spec.image_size
    planes = _background(spec, rng)
    objects = _place_objects(spec, rng)
    labels = np.zeros((size, size), np.uint8)
    instances = np.zeros((size, size), np.uint8)
    for number, item in enumerate(objects, start=1):
        coverage = _coverage(signed_distance(item, size))
        first, second = item.colors[..., None, None]
        planes += coverage * (first + texture_pattern(item, size) * (second - first) - planes)
        # A pixel that mixes two surfaces belongs to neither: void, as on VOC's contours.
        for mask, value in ((labels, item.class_index), (instances, number)):
            mask[coverage > 0] = IGNORE
            mask[coverage == 1] = value
    image = np.ascontiguousarray(np.clip(planes, 0, 255).transpose(1, 2, 0))
    return ToyScene(image, labels, instances, tuple(objects))


def signed_distance(item: ToyObject, size: int) -> np.ndarray:
    """Distance of each pixel centre to the outline of an object, negative inside.

    Args:
        item (ToyObject): The object.
        size (int): Height and width S of the grid.

    Returns:
        np.ndarray: float32, shape (S, S), in pixels.
    """
    dx, dy = _grid(size, item.x, item.y)
    if item.shape == 'disc':
        return np.hypot(dx, dy) - np.float32(item.radius)
    # The ring has the radii R and 0.6 R, and so the area 0.64 pi R^2.
    outer = item.radius / 0.8
    return np.abs(np.hypot(dx, dy) - np.float32(0.8 * outer)) - np.float32(0.2 * outer)


def texture_pattern(item: ToyObject, size: int) -> np.ndarray:
    """Mixture of an object's two colours over the whole grid.

    Args:
        item (ToyObject): The object.
        size (int): Height and width S of the grid.

    Returns:
        np.ndarray: float32, shape (S, S), in [0, 1], with edges about a pixel wide.
    """
    dx, dy = _grid(size, item.x, item.y)
    cos, sin = math.cos(item.texture_angle), math.sin(item.texture_angle)
    u = (dx * cos + dy * sin) / item.period + item.texture_phase[0]
    v = (dy * cos - dx * sin) / item.period + item.texture_phase[1]
    if item.texture == 'dotted':
        distance = np.hypot(u - np.floor(u) - 0.5, v - np.floor(v) - 0.5)
        return np.clip(0.5 + (0.3 - distance) * item.period, 0, 1)
    wave = np.sin(2 * math.pi * u)
    if item.texture == 'checked':
        wave = wave * np.sin(2 * math.pi * v)
    return np.clip(0.5 + wave * item.period / (2 * math.pi), 0, 1)


def smooth_noise(rng: np.random.Generator, size: int, cells: int, channels: int) -> np.ndarray:
    """Gaussian noise of about unit deviation on a coarse grid, interpolated to full size.

    Args:
        rng (np.random.Generator): Source of randomness.
        size (int): Height and width S of the result.
        cells (int): Height and width of the coarse grid.
        channels (int): Channels C, drawn independently.

    Returns:
        np.ndarray: float32, shape (C, S, S).
    """
    grid = rng.standard_normal((cells, cells, channels), np.float32)
    full = cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(full.reshape(size, size, channels).transpose(2, 0, 1))


def _grid(size: int, x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
    """Offsets of the pixel centres, which lie at whole coordinates, from a point."""
    axis = np.arange(size, dtype=np.float32)
    return axis[None, :] - np.float32(x), axis[:, None] - np.float32(y)


def _coverage(distance: np.ndarray) -> np.ndarray:
    return np.clip(0.5 - distance, 0, 1)


def _color(rng: np.random.Generator, hue: float, saturation: tuple[float, float]) -> np.ndarray:
    value = rng.uniform(0.45, 0.85)
    rgb = colorsys.hsv_to_rgb(hue % 1, rng.uniform(*saturation), value)
    return np.array(rgb, np.float32) * 255


def _muted_color(spec: ToySpec, rng: np.random.Generator) -> np.ndarray:
    return _color(rng, rng.uniform(), (0, spec.background_saturation))


def _background(spec: ToySpec, rng: np.random.Generator) -> np.ndarray:
    """Colour planes, shape (3, S, S): numpy broadcasts over them faster than over (S, S, 3)."""
    size = spec.image_size
    planes = _muted_color(spec, rng)[:, None, None] + 14 * smooth_noise(rng, size, 3, 3)
    planes += 7 * smooth_noise(rng, size, 10, 3)
    for _ in range(rng.integers(*spec.distractors, endpoint=True)):
        for distance in (_blob(spec, rng), _line(spec, rng)):
            planes += _coverage(distance) * (_muted_color(spec, rng)[:, None, None] - planes)
    contrast = np.float32(rng.uniform(*spec.background_contrast))
    return planes + contrast * smooth_noise(rng, size, size // 3, 1)


def _blob(spec: ToySpec, rng: np.random.Generator) -> np.ndarray:
    dx, dy = _grid(spec.image_size, *rng.uniform(0, spec.image_size, 2))
    radius = rng.uniform(*spec.radius)
    direction = np.arctan2(dy, dx) + rng.uniform(0, 2 * math.pi)
    lobes = rng.integers(2, 5, endpoint=True)
    wobble = 1 + rng.uniform(0.1, 0.3) * np.sin(lobes * direction)
    return np.hypot(dx, dy) - np.float32(radius) * wobble


def _line(spec: ToySpec, rng: np.random.Generator) -> np.ndarray:
    dx, dy = _grid(spec.image_size, *rng.uniform(0, spec.image_size, 2))
    angle = rng.uniform(0, math.pi)
    return np.abs(dx * math.sin(angle) - dy * math.cos(angle)) - np.float32(rng.uniform(0.5, 2.5))


def _random_object(spec: ToySpec, rng: np.random.Generator) -> ToyObject:
    radius = float(np.exp(rng.uniform(*np.log(spec.radius))))
    x, y = rng.uniform(0, spec.image_size - 1, 2)
    # The two colours of a texture differ in brightness more than in hue.
    direction = 1 + 0.4 * rng.standard_normal(3).astype(np.float32)
    direction *= rng.uniform(*spec.texture_contrast) / np.linalg.norm(direction)
    texture = TEXTURES[rng.integers(len(TEXTURES))]
    # As materials have typical colours, each texture has a typical hue, from which objects stray.
    hue = rng.normal(HUES[texture], spec.hue_spread) / 360
    color = _color(rng, hue, spec.object_saturation)
    return ToyObject(
        shape=SHAPES[rng.integers(len(SHAPES))],
        texture=texture,
        x=float(x),
        y=float(y),
        radius=radius,
        period=float(min(rng.uniform(*spec.texture_period), 0.75 * radius)),
        texture_angle=float(rng.uniform(0, math.pi)),
        texture_phase=tuple(rng.uniform(0, 1, 2).tolist()),
        colors=np.stack([color - direction / 2, color + direction / 2]),
    )


def _place_objects(spec: ToySpec, rng: np.random.Generator, attempts: int = 30) -> list[ToyObject]:
    """Random objects, each in front of those before it and none hidden too far."""
    objects: list[ToyObject] = []
    visible: list[np.ndarray] = []
    wanted = rng.integers(*spec.objects, endpoint=True)
    for _ in range(attempts):
        item = _random_object(spec, rng)
        inside = signed_distance(item, spec.image_size) < 0
        left = [mask & ~inside for mask in visible] + [inside]
        if all(
            mask.sum() >= spec.min_visible * math.pi * other.radius**2
            for mask, other in zip(left, [*objects, item], strict=True)
        ):
            objects.append(item)
            visible = left
        if len(objects) == wanted:
            break
    return objects

"""Classes, attributes and parameters of the toy dataset."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...core.digests import digest
from ...core.errors import UserError

SHAPES = ('disc', 'ring')
TEXTURES = ('striped', 'dotted', 'checked')
#: Typical hue of each texture, in degrees.
HUES = {'striped': 20.0, 'dotted': 140.0, 'checked': 260.0}
STYLES = ('source', 'target')
SPLITS = ('train', 'val')

#: Class ``1 + len(TEXTURES) * shape + texture`` is a texture on a shape; class 0 is all the rest.
CLASSES = ('background', *(f'{texture}-{shape}' for shape in SHAPES for texture in TEXTURES))

#: RGB: warm colours for discs, cold ones for rings.
PALETTE = (
    (0, 0, 0),
    (230, 60, 50), (250, 140, 40), (250, 210, 80),
    (60, 80, 200), (70, 180, 235), (150, 90, 220),
)  # fmt: skip

ATTRIBUTE_NAMES = ('background', *SHAPES, *TEXTURES)

#: Example classes to hold out for zero-shot learning: the seen classes still show both shapes and
#: each of the three textures, only never in these two combinations.
UNSEEN_CLASSES = ('striped-disc', 'dotted-ring')

#: Raise it with every change of the code that changes a pixel; the cache folder depends on it.
GENERATOR_VERSION = 3


def _class_attributes() -> np.ndarray:
    attributes = np.zeros((len(CLASSES), len(ATTRIBUTE_NAMES)), np.float32)
    attributes[0, 0] = 1
    for index, name in enumerate(CLASSES[1:], start=1):
        for attribute in reversed(name.split('-')):
            attributes[index, ATTRIBUTE_NAMES.index(attribute)] = 1
    return attributes


#: Class embedding, float32, shape (7, 6): background flag, one-hot shape, one-hot texture.
ATTRIBUTES = _class_attributes()
ATTRIBUTES.flags.writeable = False


@dataclasses.dataclass(frozen=True)
class ToySpec:
    """Parameters of the generator; equal specs give equal bytes (under equal library versions).

    Lengths are in pixels and grey values in levels of 0 to 255. A pair is the (lowest, highest)
    value of a random choice, except for ``target_*``: there it is the value at difficulty 0 and
    the one at difficulty 1, linear in between.

    Args:
        seed (int): Seed of everything. Defaults to 0.
        image_size (int): Height and width. Defaults to 128.
        num_train (int): Training images of the source style. Defaults to 320.
        num_val (int): Validation images of the source style. Defaults to 100.
        num_target_train (int): Training images of the target style. Defaults to 1000:
            images without labels are cheap.
        num_target_val (int): Validation images of the target style. Defaults to 100.
        objects (tuple[int, int]): Objects per image; fewer where 30 random ones leave no more
            that ``min_visible`` allows. Defaults to (2, 5).
        radius (tuple[float, float]): Object size, log-uniform: the radius of the disc of the same
            area, so that size says nothing about the shape. Defaults to (14, 30).
        min_visible (float): Least visible fraction of an object's area, in (0, 1); occlusion and
            the image border take the rest. Defaults to 0.5.
        texture_period (tuple[float, float]): Period of the texture; small objects get at most
            0.75 of their radius. Defaults to (7, 12).
        texture_contrast (tuple[float, float]): Euclidean RGB distance between the two colours of
            a texture. Defaults to (80, 140).
        hue_spread (float): Standard deviation of an object's hue around the typical hue of its
            texture, in degrees; the typical hues are 120 degrees apart. Defaults to 45.
        object_saturation (tuple[float, float]): Saturation of objects. Defaults to (0.35, 0.8).
        background_saturation (float): Highest saturation of the background's colours, before
            its smooth variation. Defaults to 0.35.
        distractors (tuple[int, int]): Untextured blobs and as many lines that belong to the
            background. Defaults to (1, 2).
        background_contrast (tuple[float, float]): Standard deviation of the background's
            irregular fine texture. Defaults to (4, 14).
        noise (float): Standard deviation of the pixel noise. Defaults to 4.
        target_gamma (tuple[float, float]): Exponent on the intensities in [0, 1].
        target_gain (tuple[float, float]): Factor on the intensities.
        target_cast (tuple[float, float]): Colour cast c: red times (1 - c), blue times (1 + c).
        target_blur (tuple[float, float]): Standard deviation of the Gaussian blur.
        target_noise (tuple[float, float]): Standard deviation of the noise added after the blur.

    Raises:
        ValueError: If a number of images is below 1, or a pair of choices is not (low, high) with
            0 <= low <= high (0 < low for objects, radius and texture_period).
    """

    seed: int = 0
    image_size: int = 128
    num_train: int = 320
    num_val: int = 100
    num_target_train: int = 1000
    num_target_val: int = 100
    objects: tuple[int, int] = (2, 5)
    radius: tuple[float, float] = (14.0, 30.0)
    min_visible: float = 0.5
    texture_period: tuple[float, float] = (7.0, 12.0)
    texture_contrast: tuple[float, float] = (80.0, 140.0)
    hue_spread: float = 45.0
    object_saturation: tuple[float, float] = (0.35, 0.8)
    background_saturation: float = 0.35
    distractors: tuple[int, int] = (1, 2)
    background_contrast: tuple[float, float] = (4.0, 14.0)
    noise: float = 4.0
    target_gamma: tuple[float, float] = (1.1, 1.7)
    target_gain: tuple[float, float] = (0.95, 0.7)
    target_cast: tuple[float, float] = (0.1, 0.3)
    target_blur: tuple[float, float] = (0.3, 1.2)
    target_noise: tuple[float, float] = (2.0, 10.0)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(field.default, tuple):
                # A config gives lists; a spec is hashable and its digest must not depend on that.
                value = tuple(value)
                object.__setattr__(self, field.name, value)
                self._check_pair(field.name, value)
            elif field.name.startswith('num_') and value < 1:
                raise UserError(f'ToySpec.{field.name} is {value}; give at least 1 image')

    @staticmethod
    def _check_pair(name: str, pair: tuple[float, ...]) -> None:
        choice = not name.startswith('target_')
        positive = name in ('objects', 'radius', 'texture_period')
        if (
            len(pair) != 2
            or (choice and not 0 <= pair[0] <= pair[1])
            or (positive and pair[0] == 0)
        ):
            raise UserError(
                f'ToySpec.{name} is {pair}; give two numbers'
                + f', {"0 <" if positive else "0 <="} low <= high' * choice
            )

    def num_images(self, style: str, split: str) -> int:
        """Number of images of a split ('train' or 'val') in a style ('source' or 'target')."""
        return getattr(self, f'num_{split}' if style == 'source' else f'num_target_{split}')

    def digest(self) -> str:
        """Ten hexadecimal digits that name these parameters and the generator's version."""
        parameters = dict(dataclasses.asdict(self), version=GENERATOR_VERSION)
        return digest(parameters)[:10]

"""Turn label maps and value maps into RGB images."""

from collections.abc import Sequence

import cv2
import numpy as np

from ..core.errors import UserError
from ..core.labels import IGNORE

RGB = Sequence[int]

# White: the one colour that no common class palette (VOC, Cityscapes, CamVid) uses.
IGNORE_COLOR = (255, 255, 255)
UNSELECTED_COLOR = (190, 190, 190)


def default_palette(num_classes: int) -> np.ndarray:
    """Colours for datasets that bring none: the bit-interleaved colour map of PASCAL VOC.

    Args:
        num_classes (int): Number of classes, at most 256.

    Returns:
        np.ndarray: Shape (num_classes, 3), uint8, pairwise different.

    Source: ``VOClabelcolormap`` of the VOC development kit: bit ``3 k + c`` of the class index is
    bit ``7 - k`` of colour channel ``c``.
    """
    if not 0 < num_classes <= 256:
        raise UserError(f'a palette has 1 to 256 colours, but num_classes is {num_classes}')
    index = np.arange(num_classes)
    palette = np.zeros((num_classes, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= (((index >> (3 * bit + channel)) & 1) << (7 - bit)).astype(
                np.uint8
            )
    return palette


def colorize(
    mask: np.ndarray,
    palette: Sequence[RGB] | np.ndarray,
    ignore_index: int = IGNORE,
    ignore_color: RGB = IGNORE_COLOR,
) -> np.ndarray:
    """Paint a label map with the colours of its classes.

    Args:
        mask (np.ndarray): Class indices, shape (H, W), any integer type.
        palette (Sequence[RGB] | np.ndarray): One RGB colour (0 to 255) per class.
        ignore_index (int): Label painted with ``ignore_color``.
        ignore_color (RGB): Colour of ignored pixels.

    Returns:
        np.ndarray: RGB image, shape (H, W, 3), uint8.

    Raises:
        ValueError: If the mask is not two-dimensional or has a label without a colour.
    """
    mask = np.asarray(mask)
    palette = np.asarray(palette, np.uint8).reshape(-1, 3)
    if mask.ndim != 2:
        raise UserError(f'a label map has shape (H, W), but got {mask.shape}')
    ignored = mask == ignore_index
    outside = ~ignored & ((mask < 0) | (mask >= len(palette)))
    if outside.any():
        labels = np.unique(mask[outside])[:5].tolist()
        raise UserError(
            f'labels {labels} have no colour: the palette has {len(palette)} and ignore_index is '
            f'{ignore_index}; check the number of classes and reduce_zero_label of the dataset'
        )
    image = palette[np.where(ignored, 0, mask)]
    image[ignored] = np.asarray(ignore_color, np.uint8)
    return image


def heatmap(values: np.ndarray) -> np.ndarray:
    """Paint values in [0, 1] with a perceptually uniform colour map (viridis, dark is 0).

    Args:
        values (np.ndarray): Shape (H, W), float. Values outside [0, 1] are clipped; those that
            are not finite get ``IGNORE_COLOR``, since a picture must not end a training run.

    Returns:
        np.ndarray: RGB image, shape (H, W, 3), uint8.
    """
    values = np.asarray(values, np.float32)
    if values.ndim != 2:
        raise UserError(f'a value map has shape (H, W), but got {values.shape}')
    finite = np.isfinite(values)
    levels = np.rint(np.clip(np.where(finite, values, 0), 0, 1) * 255).astype(np.uint8)
    image = cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS)[..., ::-1].copy()
    image[~finite] = IGNORE_COLOR
    return image


def overlay(
    image: np.ndarray,
    colors: np.ndarray,
    alpha: float = 0.5,
    where: np.ndarray | None = None,
) -> np.ndarray:
    """Blend a painted map over a photo: ``(1 - alpha) * image + alpha * colors``.

    Args:
        image (np.ndarray): RGB image, shape (H, W, 3), uint8.
        colors (np.ndarray): RGB image of the same shape, from ``colorize`` or ``heatmap``.
        alpha (float): Weight of ``colors``, in [0, 1].
        where (np.ndarray, optional): Pixels to blend, shape (H, W), bool; others keep the photo.

    Returns:
        np.ndarray: RGB image, shape (H, W, 3), uint8.
    """
    if image.shape != colors.shape:
        raise UserError(f'cannot lay {colors.shape} over {image.shape}: the sizes differ')
    blended = np.rint((1 - alpha) * image.astype(np.float32) + alpha * colors).astype(np.uint8)
    return blended if where is None else np.where(where[..., None], blended, image)


def keep_selected(
    colors: np.ndarray, selected: np.ndarray, color: RGB = UNSELECTED_COLOR
) -> np.ndarray:
    """Keep the colours of selected pixels and paint all others with one colour.

    Args:
        colors (np.ndarray): RGB image, shape (H, W, 3), uint8.
        selected (np.ndarray): Shape (H, W), bool.
        color (RGB): Colour of the pixels that are not selected.

    Returns:
        np.ndarray: RGB image, shape (H, W, 3), uint8.
    """
    return np.where(selected[..., None], colors, np.asarray(color, np.uint8))

"""What a mask file must satisfy, shared by the loading transform and the dataset checker."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from ...core.errors import UserError
from ...core.labels import IGNORE
from .images import read_image

VOID_HINT = (
    '. 255 is void: if it stands for a class in your masks, write the index of the class instead, '
    'such as mask[mask == 255] = 1, or map it in the label_map of a data card'
)
"""Of masks of 0 and 255, as programs write them that draw in black and white."""


class MaskError(UserError):
    """A mask that was read but cannot be what the dataset declares."""


def read_index_mask(
    path: str | os.PathLike,
    name: str | None = None,
    values: Sequence[int | str] = (),
    **kwargs: Any,
) -> np.ndarray:
    """Read a mask file as it is, before any mapping of labels.

    Palette indices, and grey values of 1, 8 or 16 bits are all taken for class indices.

    Args:
        path (str | os.PathLike): The file.
        name (str, optional): How messages name it. Defaults to mask and path.
        values (Sequence[int | str]): Of a mask with colours or large values: all that it may hold,
            as of :func:`encode_values`.
        **kwargs: Of :func:`read_image`.

    Returns:
        np.ndarray: Shape (H, W), integer or bool.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it cannot be read or decoded.
        MaskError: If it has several channels or fractional values.
    """
    name = name or f"mask '{path}'"
    kwargs = {**dict(flag=decoding(values), backend='pillow'), **kwargs}
    return encode_values(read_image(path, name, **kwargs), values, name)


def decoding(values: Sequence[int | str]) -> str:
    """The ``flag`` of :func:`decode_image` for masks that hold these values."""
    return 'color' if values and isinstance(values[0], str) else 'unchanged'


def encode_values(mask: np.ndarray, values: Sequence[int | str], name: str) -> np.ndarray:
    """Replace colours, or values beyond a byte, by their positions in a list.

    Args:
        mask (np.ndarray): As decoded, shape (H, W), or (H, W, 3), BGR, if the values are colours.
        values (Sequence[int | str]): At most 256 numbers or colours such as ``'#804000'``, in
            ascending order; none leaves the mask as it is.
        name (str): How messages name the mask.

    Returns:
        np.ndarray: Shape (H, W); uint8 if there are values.

    Raises:
        MaskError: If the mask has several channels, fractional values, or a value that is not
            in the list.
    """
    colors = decoding(values) == 'color'
    if colors:
        mask = mask.astype(np.int32)
        mask = mask[..., 2] << 16 | mask[..., 1] << 8 | mask[..., 0]
    check_mask_layout(mask, None, name)
    if not values:
        return mask
    known = np.array([int(str(v)[1:], 16) if colors else int(v) for v in values])
    codes = np.searchsorted(known, mask).clip(max=len(known) - 1)
    found = known[codes] == mask
    if not found.all():
        counts = zip(*np.unique(mask[~found], return_counts=True), strict=True)
        ranked = sorted(counts, key=lambda pair: -pair[1])
        listed = ', '.join(f'{_value_name(v, colors)} ({n} pixels)' for v, n in ranked[:5])
        rest = f' and {len(ranked) - 5} more' if len(ranked) > 5 else ''
        raise MaskError(
            f'{name} has {"colours" if colors else "values"} that the label map leaves out: '
            f'{listed}{rest}; add them to label_map, as void if they are no class'
        )
    return codes.astype(np.uint8)


def _value_name(value: int, color: bool) -> str:
    return f'"#{value:06x}"' if color else str(value)


def label_lookup(
    reduce_zero_label: bool = False,
    label_map: Mapping[int, int] | None = None,
    ignore_index: int = IGNORE,
) -> np.ndarray:
    """Table from the values in a mask file to labels in memory, in the order MMSeg applies them.

    Args:
        reduce_zero_label (bool): Whether file value 0 is void and class ``c`` is stored as
            ``c + 1``.
        label_map (Mapping[int, int], optional): From the classes of the files to the chosen ones.
        ignore_index (int): File value of void pixels; a value outside 0..255 means there is none.

    Returns:
        np.ndarray: uint8, shape (256,); void is 255.
    """
    lookup = np.arange(256)
    if reduce_zero_label:
        lookup -= 1
        lookup[[0, IGNORE]] = IGNORE
    if label_map:
        mapping = np.arange(256)
        mapping[list(label_map)] = list(label_map.values())
        lookup = mapping[lookup]
    if 0 <= ignore_index <= 255:
        lookup[ignore_index] = IGNORE
    return lookup.astype(np.uint8)


def check_mask_layout(mask: np.ndarray, image_shape: tuple[int, int] | None, names: str) -> None:
    """Check the number of channels, the type of the pixels and the size.

    Args:
        mask (np.ndarray): The mask as decoded, shape (H, W) when it is right.
        image_shape (tuple[int, int], optional): Height and width of the image; None skips the
            comparison.
        names (str): How messages name mask and image.

    Raises:
        MaskError: If the mask has several channels, fractional values, or another size than the
            image.
    """
    if mask.ndim != 2:
        raise MaskError(
            f'{names} has {mask.shape[-1]} channels: a mask holds one class index per pixel, as '
            'a grey or palette PNG; convert its colours to class indices first'
        )
    if mask.dtype.kind not in 'bui':
        raise MaskError(f'{names} has pixels of type {mask.dtype}: class indices are whole numbers')
    if image_shape is not None and mask.shape != tuple(image_shape[:2]):
        raise MaskError(
            f'{names} is {mask.shape[1]}x{mask.shape[0]} (width x height), but the image is '
            f'{image_shape[1]}x{image_shape[0]}; run les check CONFIG to find all '
            'such pairs'
        )


def stray_values(mask: np.ndarray, lookup: np.ndarray, num_classes: int | None) -> dict[int, int]:
    """Values of the file that are neither a class nor void.

    Args:
        mask (np.ndarray): The mask as decoded, shape (H, W), integer or bool.
        lookup (np.ndarray): From :func:`label_lookup`.
        num_classes (int, optional): Number of classes C; None accepts every value in 0..255.

    Returns:
        dict[int, int]: File value -> number of pixels; empty for a good mask.
    """
    if mask.dtype == np.uint8:
        if num_classes is None:
            return {}
        labels = apply_lookup(mask, lookup)
        # Three passes over bytes; counting is left for the masks that fail.
        if not ((labels >= num_classes) & (labels != IGNORE)).any():
            return {}
    values, counts = np.unique(mask, return_counts=True)
    limit = 256 if num_classes is None else num_classes
    stray = {}
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        label = int(lookup[int(value)]) if 0 <= value <= 255 else -1
        if label == -1 or (label >= limit and label != IGNORE):
            stray[int(value)] = count
    return stray


def apply_lookup(mask: np.ndarray, lookup: np.ndarray) -> np.ndarray:
    """Map file values to labels.

    Args:
        mask (np.ndarray): Shape (H, W), values in 0..255.
        lookup (np.ndarray): From :func:`label_lookup`.

    Returns:
        np.ndarray: uint8, shape (H, W).
    """
    return cv2.LUT(mask.astype(np.uint8, copy=False), lookup)


def describe_stray(stray: Mapping[int, int], num_classes: int | None, limit: int = 8) -> str:
    """One line about stray values, most frequent first.

    Args:
        stray (Mapping[int, int]): File value -> number of pixels.
        num_classes (int, optional): Number of classes.
        limit (int): Values listed before the rest is only counted.

    Returns:
        str: Such as ``'values outside the 21 classes: 30 (12 pixels), 31 (1 pixel)'``.
    """
    ranked = sorted(stray.items(), key=lambda item: (-item[1], item[0]))
    listed = ', '.join(f'{v} ({n} pixel{"s" * (n != 1)})' for v, n in ranked[:limit])
    rest = f' and {len(ranked) - limit} more' if len(ranked) > limit else ''
    outside = 'what 8 bits hold' if num_classes is None else f'the {num_classes} classes'
    return f'values outside {outside}: {listed}{rest}'

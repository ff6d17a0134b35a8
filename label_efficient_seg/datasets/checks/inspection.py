"""Reading one image and its mask to see whether they are sound."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import cv2
import mmcv
import mmengine.fileio as fileio
import numpy as np
from PIL import Image

from ...core.labels import IGNORE
from ..files.masks import (
    MaskError,
    apply_lookup,
    check_mask_layout,
    describe_stray,
    label_lookup,
    stray_values,
)

PNG = b'\x89PNG'
SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations that swap width and height; MMCV applies them when it loads an image."""


@dataclass(frozen=True)
class Sample:
    """An image with what is needed to understand its mask; equal ones are read once.

    Attributes:
        image (str): Path of the image.
        mask (str, optional): Path of the mask; None if no transform reads it.
        num_classes (int, optional): Number of classes; None accepts every label.
        ignore_index (int): Mask value of void pixels.
        reduce_zero_label (bool): As of MMSeg's datasets.
        label_map (tuple[tuple[int, int], ...]): As of MMSeg's datasets.
    """

    image: str
    mask: str | None = None
    num_classes: int | None = None
    ignore_index: int = IGNORE
    reduce_zero_label: bool = False
    label_map: tuple[tuple[int, int], ...] = ()

    @classmethod
    def from_item(cls, item: Mapping[str, Any], labeled: bool, num_classes: int | None) -> 'Sample':
        """Take it from a data item of an MMSeg dataset."""
        if not labeled:
            return cls(item['img_path'])
        return cls(
            item['img_path'],
            item['seg_map_path'],
            num_classes,
            item.get('ignore_index', IGNORE),
            bool(item.get('reduce_zero_label')),
            tuple((item.get('label_map') or {}).items()),
        )


@dataclass
class Inspection:
    """What :func:`inspect` found.

    Attributes:
        faults (list[tuple[str, str]]): Kind and description of each fault.
        counts (np.ndarray, optional): Pixels of each label, int64, shape (256,); None without a
            readable mask.
        stray (dict[int, int]): Pixels of each mask value outside the classes.
    """

    faults: list[tuple[str, str]] = field(default_factory=list)
    counts: np.ndarray | None = None
    stray: dict[int, int] = field(default_factory=dict)


def inspect(sample: Sample) -> Inspection:
    """Read an image and its mask to the last byte.

    Args:
        sample (Sample): What to read.

    Returns:
        Inspection: Faults and label statistics. Nothing is raised for a faulty file.
    """
    result = Inspection()
    shape = _image_shape(sample.image, result)
    _inspect_mask(sample, shape, result)
    return result


def _content(path: str, kind: str, result: Inspection) -> bytes | None:
    try:
        content = fileio.get(path)
    except FileNotFoundError:
        result.faults.append((f'missing {kind}', f"'{path}' does not exist"))
    except Exception as error:  # file backends raise many types
        result.faults.append((f'corrupt {kind}', f"'{path}' cannot be read: {error}"))
    else:
        if content:
            return content
        result.faults.append((f'corrupt {kind}', f"'{path}' is empty"))
    return None


def _image_shape(path: str, result: Inspection) -> tuple[int, int] | None:
    """Height and width of an image as MMCV loads it; None if it cannot be decoded."""
    content = _content(path, 'image', result)
    if content is None:
        return None
    try:
        # OpenCV fills what is missing of a truncated file with grey; Pillow reports it.
        with Image.open(BytesIO(content)) as image:
            image.load()
            width, height = image.size
            sideways = image.getexif().get(0x0112) in SIDEWAYS
        return (width, height) if sideways else (height, width)
    except Exception as error:  # decoders raise many types
        # Formats that Pillow does not know are left to OpenCV. PNG is not one of them, of which
        # OpenCV believes any size.
        if isinstance(error, Image.UnidentifiedImageError) and not content.startswith(PNG):
            image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
            if image is not None:
                return image.shape[:2]
        result.faults.append(('corrupt image', f"'{path}' cannot be decoded: {error}"))
        return None


def _inspect_mask(sample: Sample, shape: tuple[int, int] | None, result: Inspection) -> None:
    content = _content(sample.mask, 'mask', result) if sample.mask else None
    if content is None:
        return
    try:
        mask = mmcv.imfrombytes(content, flag='unchanged', backend='pillow')
    except Exception as error:  # decoders raise many types
        result.faults.append(('corrupt mask', f"'{sample.mask}' cannot be decoded: {error}"))
        return
    try:
        check_mask_layout(mask, None, f"'{sample.mask}'")
    except MaskError as error:
        result.faults.append(('no index mask', str(error)))
        return
    if shape is not None and mask.shape != shape:
        sizes = f'is {mask.shape[1]}x{mask.shape[0]}, its image {shape[1]}x{shape[0]}'
        text = f"'{sample.mask}' {sizes} (width x height)"
        result.faults.append(('sizes differ', text))
    lookup = label_lookup(sample.reduce_zero_label, dict(sample.label_map), sample.ignore_index)
    result.stray = stray_values(mask, lookup, sample.num_classes)
    if result.stray:
        text = f"'{sample.mask}' has {describe_stray(result.stray, sample.num_classes)}"
        result.faults.append(('labels outside the classes', text))
        mask = np.where(np.isin(mask, list(result.stray)), IGNORE, mask)
    result.counts = np.bincount(apply_lookup(mask, lookup).ravel(), minlength=256)

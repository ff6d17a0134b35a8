"""Reading one image and its mask to see whether they are sound."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import cv2
import mmengine.fileio as fileio
import numpy as np
from PIL import Image, UnidentifiedImageError

from ...core.errors import FileError
from ...core.labels import IGNORE
from ..files.images import check_announced_size, decode_image
from ..files.masks import (
    MaskError,
    apply_lookup,
    decoding,
    describe_stray,
    encode_values,
    label_lookup,
    stray_values,
)

PNG = b'\x89PNG'
PNG_DEPTH = 24
"""Place of the byte that says how many bits a channel of a PNG file has."""

JPEG = b'\xff\xd8'
ORIENTATION = 0x0112
TURNED = (5, 6, 7, 8)
"""EXIF orientations that swap width and height; MMCV applies all of them when it loads an image."""

DARK = 1 << 14
"""Of 16 bits, loading keeps the upper 8: with lower values only, an image is nearly black."""

TRAITS = {
    'EXIF orientation': 'carry an EXIF orientation, by which loading turns them, and nothing shows '
    'that their masks are those of the turned image; if they are, save the images turned and '
    'without it (PIL.ImageOps.exif_transpose), and if not, without it',
    'range of values': 'have 16 bits, of which loading keeps the upper 8, but only low values, so '
    'they become nearly black; save them with 8 bits as in docs/data.md, "Images of 16 bits"',
    'bands': 'have bands or pages that loading leaves out: it takes three colours, or grey for all '
    'of them, of the first page; save the three bands that the model should see',
}
"""What is odd about images that can be loaded, by kind of finding."""


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
        mask_values (tuple[int | str, ...]): As of :func:`read_index_mask`.
    """

    image: str
    mask: str | None = None
    num_classes: int | None = None
    ignore_index: int = IGNORE
    reduce_zero_label: bool = False
    label_map: tuple[tuple[int, int], ...] = ()
    mask_values: tuple[int | str, ...] = ()

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
            tuple(item.get('mask_values') or ()),
        )


@dataclass
class Inspection:
    """What :func:`inspect` found.

    Attributes:
        faults (list[tuple[str, str]]): Kind and description of each fault.
        traits (dict[str, str]): What is odd about the image, by its kind in :data:`TRAITS`.
        shape (tuple[int, int], optional): Height and width as loaded; None if it cannot be.
        counts (np.ndarray, optional): Pixels of each label, int64, shape (256,); None without a
            readable mask.
        stray (dict[int, int]): Pixels of each mask value outside the classes.
    """

    faults: list[tuple[str, str]] = field(default_factory=list)
    traits: dict[str, str] = field(default_factory=dict)
    shape: tuple[int, int] | None = None
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
    content = _content(sample.image, 'image', result)
    if content is not None:
        _inspect_image(content, sample, result)
    _read_mask(sample, result)
    return result


def inspect_labels(sample: Sample) -> Inspection:
    """Read the mask of an image alone.

    Args:
        sample (Sample): What to read.

    Returns:
        Inspection: Faults and label statistics.
    """
    result = Inspection()
    _read_mask(sample, result)
    return result


def find_traits(sample: Sample) -> dict[str, str]:
    """What is odd about an image by its header, whose pixels are decoded for 16 bits only.

    Args:
        sample (Sample): What to read.

    Returns:
        dict[str, str]: As of :class:`Inspection`; nothing for a file that cannot be read.
    """
    result = Inspection()
    content = _content(sample.image, 'image', result)
    if content is None:
        return {}
    try:
        check_announced_size(content, sample.image)
        with Image.open(BytesIO(content)) as image:
            _add_traits(image, content, sample, result)
    except UnidentifiedImageError:  # a format that OpenCV alone knows
        _inspect_depth(content, result)
    except Exception:  # what loads the image reports it; decoders raise many types
        return {}
    return result.traits


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


def _inspect_image(content: bytes, sample: Sample, result: Inspection) -> None:
    """Load an image as training does, and look at what loading hides."""
    name, shape = f"'{sample.image}'", None
    try:
        check_announced_size(content, name)
        with Image.open(BytesIO(content)) as image:
            if not _is_plain_jpeg(image):
                shape = decode_image(content, name).shape[:2]
            _add_traits(image, content, sample, result)
            width, height = image.size
            # A JPEG is read whole, but not computed.
            image.draft(None, (max(width // 8, 1), max(height // 8, 1)))
            # OpenCV fills what is missing of a truncated file with grey; Pillow reports it.
            image.load()
    except FileError as error:
        result.faults.append(('corrupt image', str(error)))
    except UnidentifiedImageError:  # a format that OpenCV alone knows
        _inspect_other(content, name, result)
    except Exception as error:  # decoders raise many types
        text = f'{name} cannot be decoded: {error}; replace it or take it off the list'
        result.faults.append(('corrupt image', text))
    else:
        result.shape = shape or (height, width)


def _is_plain_jpeg(image: Image.Image) -> bool:
    """Whether what loads the image decodes it just as Pillow does: once is enough."""
    return (
        image.format == 'JPEG'
        and image.mode in ('L', 'RGB')
        and image.getexif().get(ORIENTATION, 1) == 1
    )


def _inspect_other(content: bytes, name: str, result: Inspection) -> None:
    try:
        result.shape = decode_image(content, name).shape[:2]
    except FileError as error:
        result.faults.append(('corrupt image', str(error)))
    else:
        _inspect_depth(content, result)


def _add_traits(image: Image.Image, content: bytes, sample: Sample, result: Inspection) -> None:
    """Look at what loading hides of an open image."""
    if image.mode in ('LA', 'RGBA') and np.asarray(image.getchannel('A')).min() < 255:
        result.traits['bands'] = f'{image.mode}, partly transparent'
    if not content.startswith(JPEG):
        _inspect_depth(content, result)
    if pages := _pages(image):
        result.traits['bands'] = f'{pages} pages of one size'
    orientation, (width, height) = image.getexif().get(ORIENTATION), image.size
    # The mask of an oblong image that is turned on its side shows by its size what it is of.
    if (
        sample.mask
        and orientation in range(2, 9)
        and (orientation not in TURNED or height == width)
    ):
        result.traits['EXIF orientation'] = f'orientation {orientation}'


def _pages(image: Image.Image) -> int:
    """Pages of a TIFF whose second one is no smaller copy, but a band of its own, if there is."""
    pages = getattr(image, 'n_frames', 1) if image.format == 'TIFF' else 1
    if pages == 1:
        return 0
    size = image.size
    image.seek(1)
    same = image.size == size
    image.seek(0)
    return pages * same


def _inspect_depth(content: bytes, result: Inspection) -> None:
    """Look at the values of an image before they are cut to 8 bits and three bands."""
    if content.startswith(PNG) and content[PNG_DEPTH] != 16:
        return
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        return
    if pixels.dtype.itemsize == 2 and pixels.max() < DARK:
        result.traits['range of values'] = f'no value above {pixels.max()}'
    if pixels.ndim == 3 and pixels.shape[2] > 4:
        result.traits['bands'] = f'{pixels.shape[2]} bands'


def _read_mask(sample: Sample, result: Inspection) -> None:
    content = _content(sample.mask, 'mask', result) if sample.mask else None
    if content is not None:
        _inspect_mask(content, sample, result)


def _inspect_mask(content: bytes, sample: Sample, result: Inspection) -> None:
    name, shape = f"'{sample.mask}'", result.shape
    try:
        mask = decode_image(content, name, flag=decoding(sample.mask_values), backend='pillow')
    except FileError as error:
        result.faults.append(('corrupt mask', str(error)))
        return
    try:
        mask = encode_values(mask, sample.mask_values, name)
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

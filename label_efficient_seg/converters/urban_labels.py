"""Published label files of rendered street scenes as masks of Cityscapes' 19 train ids."""

import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmseg.datasets import CityscapesDataset
from PIL import Image

from ..core.atomic import atomic_path
from ..core.errors import FileError, MissingFileError
from ..core.file_walk import map_files
from ..core.labels import IGNORE
from ..datasets.files.images import decode_image
from ..datasets.files.masks import MaskError, apply_lookup, check_mask_layout
from ..datasets.files.splits import write_split
from ..datasets.gta5 import GTA5Dataset
from ..datasets.synscapes import SynscapesDataset
from ..datasets.synthetic_urban import MASK_FOLDER, SyntheticUrbanDataset
from ..datasets.synthia import SYNTHIADataset

CLASSES = CityscapesDataset.METAINFO['classes']

# Position in these lists: the train id. Value: the id in the label files.
CITYSCAPES_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
# From the README of SYNTHIA-RAND-CITYSCAPES. Without train id: void 0, parking slot 13, road work
# 14, lane marking 22. Terrain, truck and train have ids, but no pixels.
SYNTHIA_IDS = (3, 4, 2, 21, 5, 7, 15, 9, 6, 16, 1, 10, 17, 8, 18, 19, 20, 12, 11)


def read_ids(content: bytes, name: str) -> np.ndarray:
    """Decode a label file whose pixel values, or palette indices, are the ids."""
    return decode_image(content, name, flag='unchanged', backend='pillow')


def read_first_channel(content: bytes, name: str) -> np.ndarray:
    """Decode a label file that holds the ids in the first of three channels."""
    # Pillow would cut 16 bits to the upper 8, which are all 0 here. OpenCV gives BGR.
    pixels = decode_image(content, name, flag='unchanged')
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise FileError(f'{name} cannot be read: it has no three channels')
    if pixels.dtype == np.uint8 and not pixels[..., 2].any():
        raise FileError(
            f'{name} lacks the lower bytes, which hold the ids: it has 8 bits per channel, and the '
            'published files 16. Some program has saved it again; unpack the published file'
        )
    return pixels[..., 2]


@dataclass(frozen=True)
class LabelFormat:
    """How a dataset publishes its labels.

    Attributes:
        dataset (type[SyntheticUrbanDataset]): Its class, which names the other folders.
        folder (str): Folder of the label files.
        ids (Sequence[int]): Id of each train id.
        known (frozenset[int]): All ids that mean something; others are errors.
        read (Callable[[bytes, str], np.ndarray]): Decodes a label file, which messages name, to
            ids, shape (H, W).
    """

    dataset: type[SyntheticUrbanDataset]
    folder: str
    ids: Sequence[int]
    known: frozenset[int]
    read: Callable[[bytes, str], np.ndarray] = read_ids

    def to_train_ids(self, labels: np.ndarray, name: str) -> np.ndarray:
        """Map ids to train ids.

        Args:
            labels (np.ndarray): Ids, shape (H, W), any unsigned type.
            name (str): How messages name the file.

        Returns:
            np.ndarray: uint8, shape (H, W), 0..18 and 255.

        Raises:
            MaskError: If there are ids without a meaning.
        """
        unknown = set(_values(labels)) - self.known
        if unknown:
            raise MaskError(f'{name} has unknown ids: {", ".join(map(str, sorted(unknown)))}')
        lookup = np.full(256, IGNORE, np.uint8)
        lookup[list(self.ids)] = np.arange(len(self.ids))
        return apply_lookup(labels, lookup)


FORMATS = {
    # 34 is the license plate.
    'gta5': LabelFormat(GTA5Dataset, 'labels', CITYSCAPES_IDS, frozenset(range(35))),
    'synthia': LabelFormat(
        SYNTHIADataset, 'GT/LABELS', SYNTHIA_IDS, frozenset(range(23)), read_first_channel
    ),
    # The license plate, -1 in Cityscapes, would be 255 in 8 bits.
    'synscapes': LabelFormat(
        SynscapesDataset, 'img/class', CITYSCAPES_IDS, frozenset([*range(34), 255])
    ),
}


class Converted(NamedTuple):
    """What became of one image: a fault, or the pixels of each train id, shape (256,)."""

    fault: str = ''
    pixels: np.ndarray = np.zeros(256, np.int64)
    is_new: bool = False


@dataclass
class Summary:
    """Result of :func:`convert_labels`.

    Attributes:
        masks (str): Folder of the masks; the list of their ids has its name and ``.txt``.
        images (int): Images of the dataset.
        written (int): Masks written now; others were there before.
        faults (list[str]): One line for each image without a sound mask.
        pixels (np.ndarray): Pixels of each train id in the sound masks, int64, shape (256,).
        occurrences (np.ndarray): Masks in which each train id occurs, int64, shape (256,).
    """

    masks: str
    images: int
    written: int = 0
    faults: list[str] = field(default_factory=list)
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    occurrences: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))


def convert_labels(name: str, root: str | os.PathLike, workers: int | None = None) -> Summary:
    """Write a mask of train ids for each image, and the list of the images that have one.

    A mask that is there is checked, not written again, so an interrupted conversion goes on where
    it stopped. The list is written last: what has one is converted. Images with faults are left
    off it.

    Args:
        name (str): Dataset, one of :data:`FORMATS`.
        root (str | os.PathLike): Root folder of the dataset in its published layout.
        workers (int, optional): Threads; default is the number of usable cores, at most 16.

    Returns:
        Summary: Faults and frequencies of the classes.

    Raises:
        FileNotFoundError: If there are no images.
    """
    label_format, root = FORMATS[name], Path(root)
    image_folder = root / label_format.dataset.DATA_PREFIX['img_path']
    ids = sorted(
        path.relative_to(image_folder).with_suffix('').as_posix()
        for path in image_folder.rglob('*.png')
        if not path.name.startswith('.')
    )
    if not ids:
        raise MissingFileError(
            f"'{image_folder}' has no PNG file; give the folder that holds "
            f"'{label_format.dataset.DATA_PREFIX['img_path']}' and '{label_format.folder}'"
        )
    summary, sound = Summary(str(root / MASK_FOLDER), len(ids)), []

    def convert(image: str) -> Converted:
        return _convert(label_format, root, image)

    for image, result in zip(ids, map_files(convert, ids, 'masks', workers), strict=True):
        if result.fault:
            summary.faults.append(result.fault)
            continue
        sound.append(image)
        summary.written += result.is_new
        summary.pixels += result.pixels
        summary.occurrences += result.pixels > 0
    write_split(f'{summary.masks}.txt', sound)
    return summary


def _convert(label_format: LabelFormat, root: Path, image: str) -> Converted:
    """Convert and check one image; faults of its files are told, those of the disk are raised."""
    target = root / MASK_FOLDER / f'{image}.png'
    is_new = not target.exists()
    source = root / label_format.folder / f'{image}.png' if is_new else target
    try:
        mask = _read(source, label_format.read if is_new else read_ids)
        check_mask_layout(mask, None, f"'{source}'")
        if is_new:
            mask = label_format.to_train_ids(mask, f"'{source}'")
        image_path = root / label_format.dataset.DATA_PREFIX['img_path'] / f'{image}.png'
        _check_mask(mask, image_path, f"'{source}'")
    except FileNotFoundError as error:
        return Converted(f"'{error.filename}' does not exist")
    except (OSError, MaskError) as error:
        again = '; delete it and run the conversion again' if str(target) in str(error) else ''
        return Converted(f'{error}{again}')
    if is_new:
        _save(mask, target)
    return Converted('', np.bincount(mask.ravel(), minlength=256), is_new)


def _read(path: Path, decode: Callable[[bytes, str], np.ndarray]) -> np.ndarray:
    content = path.read_bytes()
    try:
        Image.open(BytesIO(content)).verify()  # checksums, which decoders may pass over
    except Exception as error:  # decoders raise many types
        raise FileError(f"'{path}' cannot be read: {error}") from error
    return decode(content, f"'{path}'")


def _check_mask(mask: np.ndarray, image_path: Path, name: str) -> None:
    try:
        with Image.open(image_path) as image:
            width, height = image.size
    except Exception as error:  # decoders raise many types
        if isinstance(error, FileNotFoundError):
            raise
        raise FileError(f"image '{image_path}' cannot be read: {error}") from error
    if mask.shape != (height, width):
        raise MaskError(
            f'{name} is {mask.shape[1]}x{mask.shape[0]} (width x height), but its image is '
            f'{width}x{height}'
        )
    if stray := set(_values(mask)) - {*range(len(CLASSES)), IGNORE}:
        raise MaskError(f'{name} has values that are no train ids: {sorted(stray)}')
    if (mask == IGNORE).all():
        raise MaskError(f'{name} has no pixel of a class: all are void')


def _values(labels: np.ndarray) -> list[int]:
    # Sorting, as `np.unique` does, takes longer than decoding the file.
    return np.flatnonzero(np.bincount(labels.ravel())).tolist()


def _save(mask: np.ndarray, path: Path) -> None:
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(CLASSES)] = CityscapesDataset.METAINFO['palette']
    image = Image.fromarray(mask)
    image.putpalette(palette.tobytes())
    with atomic_path(path) as temporary:
        # Run lengths are fast, and on masks hardly larger than searching for matches.
        image.save(temporary, compress_level=1, compress_type=zlib.Z_RLE)


def format_summary(summary: Summary) -> str:
    """Lay out a summary for a terminal: classes, faults, what was written."""
    total = max(summary.pixels.sum(), 1)
    lines = [f'{"class":<15} {"pixels":>9} {"images":>7}']
    for label, name in [*enumerate(CLASSES), (IGNORE, '(void)')]:
        share = 100 * summary.pixels[label] / total
        lines.append(f'{name:<15} {share:7.3f} % {summary.occurrences[label]:>7}')
    if summary.faults:
        lines += ['', f'{len(summary.faults)} images without a sound mask:']
        lines += [f'  {text}' for text in summary.faults]
    sound = summary.images - len(summary.faults)
    lines += [
        '',
        f"{sound} of {summary.images} masks in '{summary.masks}', {summary.written} of them new",
        f"list of their images: '{summary.masks}.txt'",
    ]
    return '\n'.join(lines)

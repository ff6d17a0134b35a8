"""Files of class-agnostic segments, one for each image."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...core.errors import MissingFileError, UserError
from ...core.labels import IGNORE
from .masks import MaskError, read_index_mask
from .run_lengths import coco_mask
from .splits import more


def find_segments(folder: str | Path, names: Sequence[str]) -> dict[str, Path]:
    """Files of the segments of images.

    Args:
        folder (str | Path): With ``<id>.png`` or ``<id>.json``, see :func:`read_segments`.
        names (Sequence[str]): Ids of the images.

    Returns:
        dict[str, Path]: File of each id.

    Raises:
        MissingFileError: If an image has none.
    """
    files = {}
    for name in names:
        for path in (Path(folder) / f'{name}.png', Path(folder) / f'{name}.json'):
            if path.is_file():
                files[name] = path
    if lost := [name for name in names if name not in files]:
        raise MissingFileError(
            f"'{folder}' has no segments of image '{lost[0]}'{more(lost)}; an image needs a file "
            '<id>.png with the number of the segment of each pixel, or <id>.json with the run '
            'lengths of Segment Anything'
        )
    return files


def read_segments(path: str | Path, size: tuple[int, int]) -> np.ndarray:
    """Read the segments of an image.

    Args:
        path (str | Path): A ``.png`` whose values, of 8 or 16 bits, number the segments: 0, and of
            8 bits 255 as well, stand for pixels of none. Or a ``.json``, in which segments may
            overlap: a list of objects with a ``segmentation`` of COCO's ``size`` and ``counts``,
            as Segment Anything writes it (``--convert-to-rle``), or an object with such a list as
            ``annotations``.
        size (tuple[int, int]): Height and width of the image.

    Returns:
        np.ndarray: Boolean, shape (segments, H, W).

    Raises:
        UserError: If it is no such file, or of another size.
    """
    segments = _from_json(path) if Path(path).suffix == '.json' else _from_map(path)
    for segment in segments:
        if segment.shape != tuple(size):
            raise MaskError(
                f"the segments '{path}' are {segment.shape[1]}x{segment.shape[0]} (width x "
                f'height), but the image is {size[1]}x{size[0]}'
            )
    found = [segment for segment in segments if segment.any()]
    return np.stack(found) if found else np.zeros((0, *size), bool)


def _from_map(path: str | Path) -> list[np.ndarray]:
    """Also those of numbers that stand for none, as empty segments."""
    numbers = read_index_mask(path, f"segments '{path}'")
    none = (0, IGNORE) if numbers.dtype == np.uint8 else (0,)
    return [(numbers == value) & (value not in none) for value in np.unique(numbers)]


def _from_json(path: str | Path) -> list[np.ndarray]:
    try:
        content = json.loads(Path(path).read_text('utf-8'))
        entries = content['annotations'] if isinstance(content, dict) else content
        found = [entry['segmentation'] for entry in entries]
        return [coco_mask(entry['counts'], *entry['size']) for entry in found]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserError(
            f"'{path}' holds no segments ({type(error).__name__}: {error}); it must be a list of "
            'objects with segmentation.size and segmentation.counts, as Segment Anything writes it '
            'with --convert-to-rle'
        ) from error

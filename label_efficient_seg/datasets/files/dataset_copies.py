"""Changed copies of datasets: smaller ones, and ones in synthetic fog or at night."""

import os
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from ...core.atomic import atomic_path
from ...core.errors import FileError, MissingFileError, UserError
from ...core.file_walk import map_files
from .weather import WEATHER

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png')
Change = Callable[[Image.Image, bool, str], Image.Image]


def resize_dataset(
    source: str | os.PathLike,
    target: str | os.PathLike,
    long_side: int,
    images: Sequence[str] = ('JPEGImages',),
    masks: Sequence[str] = ('SegmentationClass',),
    workers: int | None = None,
) -> int:
    """Copy folders of images and masks, each file with its long side of at most ``long_side``.

    Images are averaged over the pixels that become one (JPEG of quality 95), masks take the nearest
    pixel and keep their palette. Files that are in ``target`` already are left as they are.

    Args:
        source (str | os.PathLike): Root folder of the dataset.
        target (str | os.PathLike): Root folder of the copy; it has the same folders and names.
        long_side (int): In pixels; smaller files keep their size.
        images (Sequence[str]): Folders of images below ``source``.
        masks (Sequence[str]): Folders of masks below ``source``.
        workers (int, optional): Threads; default is the number of usable cores, at most 16.

    Returns:
        int: Files of the copy.

    Raises:
        ValueError: If ``long_side`` is not positive, or source and target are one folder.
        FileNotFoundError: If a folder does not exist or has no image.
        OSError: If a file cannot be read.
    """
    if long_side < 1:
        raise UserError(f'long_side must be at least 1 pixel, got {long_side}')

    def shrink(image: Image.Image, is_mask: bool, name: str) -> Image.Image:
        scale = min(1, long_side / max(image.size))
        width, height = (max(1, round(side * scale)) for side in image.size)
        method = Image.Resampling.NEAREST if is_mask else Image.Resampling.BILINEAR
        return image.resize((width, height), method)

    return _copy_dataset(Path(source), Path(target), images, masks, shrink, workers)


def weather_dataset(
    source: str | os.PathLike,
    target: str | os.PathLike,
    weather: Literal['fog', 'night'],
    images: Sequence[str] = ('images',),
    masks: Sequence[str] = ('labels',),
    seed: int = 0,
    workers: int | None = None,
) -> int:
    """Copy folders of street scenes into synthetic fog or night, and their masks as they are.

    A pair of domains that differ in nothing but this, with masks for both: see
    :func:`~label_efficient_seg.datasets.files.weather.fog` and ``night``. What an image becomes
    depends on ``seed`` and its name alone. Files that are in ``target`` already are left as they
    are.

    Args:
        source (str | os.PathLike): Root folder of the dataset.
        target (str | os.PathLike): Root folder of the copy; it has the same folders and names.
        weather (str): ``'fog'`` or ``'night'``.
        images (Sequence[str]): Folders of images below ``source``.
        masks (Sequence[str]): Folders of masks below ``source``.
        seed (int): Of the random strength.
        workers (int, optional): Threads; default is the number of usable cores, at most 16.

    Returns:
        int: Files of the copy.

    Raises:
        ValueError: If there is no such weather, or source and target are one folder.
        FileNotFoundError: If a folder does not exist or has no image.
        OSError: If a file cannot be read.
    """
    if weather not in WEATHER:
        raise UserError(f"weather must be one of {', '.join(map(repr, WEATHER))}, got '{weather}'")

    def spoil(image: Image.Image, is_mask: bool, name: str) -> Image.Image:
        if is_mask:
            return image
        generator = np.random.default_rng((seed, zlib.crc32(name.encode())))
        return Image.fromarray(WEATHER[weather](np.asarray(image), generator))

    return _copy_dataset(Path(source), Path(target), images, masks, spoil, workers)


def _copy_dataset(
    source: Path,
    target: Path,
    images: Sequence[str],
    masks: Sequence[str],
    change: Change,
    workers: int | None,
) -> int:
    """Copy each file as ``change(image, is_mask, name)`` gives it; returns their number."""
    if source.resolve() == target.resolve():
        raise UserError(f"the copy cannot be its own source '{source}'; name another folder")
    files = []
    for folder in (*images, *masks):
        found = sorted(
            path.relative_to(source)
            for path in (source / folder).rglob('*')
            if path.suffix.lower() in IMAGE_SUFFIXES
        )
        if not found:
            raise MissingFileError(
                f"'{source / folder}' has no file ending in {', '.join(IMAGE_SUFFIXES)}; name the "
                'folders of the images and of the masks'
            )
        files += [(path, folder in masks) for path in found]

    def copy(file: tuple[Path, bool]) -> None:
        path, is_mask = file
        if (target / path).exists():
            return
        try:
            with Image.open(source / path) as opened:
                image = opened.copy() if is_mask else opened.convert('RGB')
        except Exception as error:  # decoders raise many types
            raise FileError(f"'{source / path}' cannot be read: {error}") from error
        changed = change(image, is_mask, path.as_posix())
        with atomic_path(target / path) as temporary:
            changed.save(temporary, quality=95)

    return sum(1 for _ in map_files(copy, files, 'files', workers))

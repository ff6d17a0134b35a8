"""A smaller copy of a dataset, for machines on which reading large images takes long."""

import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from ...core.atomic import atomic_path
from ...core.errors import FileError, MissingFileError, UserError
from ...core.file_walk import map_files

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png')


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
    source, target = Path(source), Path(target)
    if long_side < 1:
        raise UserError(f'long_side must be at least 1 pixel, got {long_side}')
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
        if not (target / path).exists():
            _copy(source / path, target / path, long_side, is_mask)

    return sum(1 for _ in map_files(copy, files, 'files', workers))


def _copy(source: Path, target: Path, long_side: int, is_mask: bool) -> None:
    try:
        with Image.open(source) as opened:
            image = opened if is_mask else opened.convert('RGB')
            scale = min(1, long_side / max(image.size))
            width, height = (max(1, round(side * scale)) for side in image.size)
            method = Image.Resampling.NEAREST if is_mask else Image.Resampling.BILINEAR
            resized = image.resize((width, height), method)
    except Exception as error:  # decoders raise many types
        raise FileError(f"'{source}' cannot be read: {error}") from error
    with atomic_path(target) as temporary:
        resized.save(temporary, quality=95)

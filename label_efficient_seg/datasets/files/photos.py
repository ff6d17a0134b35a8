"""Photos that a person names: files, folders and lists of files."""

import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmengine.logging import print_log

from ...core.errors import MissingFileError, UserError
from .images import IMAGE_SUFFIXES

OTHER_SUFFIXES = ('.gif', '.heic', '.heif', '.avif', '.jp2', '.dng', '.cr2', '.nef', '.arw')
"""Of photos in formats that are not read."""


def find_photos(inputs: Sequence[str | os.PathLike]) -> tuple[Path, dict[str, Path]]:
    """The images that files, folders and lists name.

    Args:
        inputs (Sequence[str | os.PathLike]): Image files; folders, searched with their subfolders
            for files with the suffix of an image, with a warning about photos in formats that are
            not read; and ``.txt`` files with one path per line,
            relative to the folder of the list.

    Returns:
        tuple[Path, dict[str, Path]]: The deepest folder that holds all inputs, and the images by
        their names below it, with ``/`` and without suffix. Images that differ in the suffix only
        keep it: ``a.jpg``, ``a.png``.

    Raises:
        FileNotFoundError: If an input does not exist.
        ValueError: If there is no image.
    """
    unread: list[Path] = []
    found = [pair for given in inputs for pair in _expand(Path(given).expanduser(), unread)]
    if unread:
        print_log(
            f"photos of a format that is not read are left out ({len(unread)}, first "
            f"'{min(unread)}'); convert them to one of {', '.join(IMAGE_SUFFIXES)}",
            'current', logging.WARNING,
        )  # fmt: skip
    if not found:
        raise UserError(
            f'there is no image in {", ".join(map(str, inputs))}; images end with '
            f'{", ".join(IMAGE_SUFFIXES)}'
        )
    root = Path(os.path.commonpath([folder for _, folder in found]))
    paths = sorted({path for path, _ in found})
    names = [path.relative_to(root) for path in paths]
    count = Counter(name.with_suffix('') for name in names)
    names = [name if count[name.with_suffix('')] > 1 else name.with_suffix('') for name in names]
    return root, {name.as_posix(): path for name, path in zip(names, paths, strict=True)}


def _expand(given: Path, unread: list[Path]) -> Iterator[tuple[Path, Path]]:
    """Absolute path of each image, and the folder that an input names; adds to what is unread."""
    given = Path(os.path.abspath(given))
    if given.is_dir():
        for parent, folders, files in os.walk(given):
            folders.sort()
            for file in files:
                if file.lower().endswith(IMAGE_SUFFIXES) and not file.startswith('.'):
                    yield Path(parent, file), given
                elif file.lower().endswith(OTHER_SUFFIXES):
                    unread.append(Path(parent, file))
        return
    if not given.is_file():
        raise MissingFileError(f"'{given}' does not exist; give an image, a folder or a .txt list")
    if given.suffix != '.txt':
        yield given, given.parent
        return
    for line in given.read_text('utf-8-sig').splitlines():
        if line.strip():
            path = Path(os.path.abspath(given.parent / line.strip()))
            # A listed file that is missing is named when it is read, among the images that fail.
            yield path, path.parent

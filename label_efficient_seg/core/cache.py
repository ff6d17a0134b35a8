"""Where generated data and lists are kept between runs."""

import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from .arrays import open_arrays
from .atomic import write_atomically
from .errors import FileError, UserError

CACHE_VARIABLE = 'LABEL_EFFICIENT_SEG_CACHE'


def cache_folder(folder: str | os.PathLike | None = None) -> Path:
    """Folder of the cache.

    Args:
        folder (str | os.PathLike, optional): Defaults to the environment variable
            ``LABEL_EFFICIENT_SEG_CACHE``, and without it to ``~/.cache/label_efficient_seg``.

    Returns:
        Path: Absolute; it need not exist.
    """
    path = Path(folder or os.environ.get(CACHE_VARIABLE) or '~/.cache/label_efficient_seg')
    return path.expanduser().absolute()


def cached_arrays(
    name: str,
    make: Callable[[], Mapping[str, np.ndarray]],
    folder: str | os.PathLike | None = None,
) -> dict[str, np.ndarray]:
    """Arrays of the cache, made and kept there if they are absent or damaged.

    Args:
        name (str): Of the file, with a digest of all that the arrays depend on.
        make (Callable): Makes the arrays, by name.
        folder (str | os.PathLike, optional): See :func:`cache_folder`.

    Raises:
        FileError: If the file cannot be written.
    """
    path = cache_folder(folder) / f'{name}.npz'
    try:
        with open_arrays(path, 'arrays', 'training') as file:
            return {key: file[key] for key in file}
    except UserError:  # absent, or damaged
        arrays = dict(make())
    content = io.BytesIO()
    np.savez(content, **arrays)
    try:
        write_atomically(path, content.getvalue())
    except OSError as error:
        raise FileError(
            f"cannot write '{path}' ({error}); set cache or {CACHE_VARIABLE} to a folder that can "
            'be written'
        ) from error
    return arrays

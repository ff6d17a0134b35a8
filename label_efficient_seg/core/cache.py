"""Where generated data and lists are kept between runs."""

import os
from pathlib import Path

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

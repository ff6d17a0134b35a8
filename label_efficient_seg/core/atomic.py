"""Files that are complete or absent, whenever the process dies or the disk is full."""

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

# No space left, no quota left, and a limit of the size of files.
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary name to write to, and rename it to ``path`` when all went well.

    Args:
        path (str | os.PathLike): Final name; parent folders are made.

    Yields:
        Path: Name in the same folder with the same suffix. It is removed if the body fails.

    Raises:
        OSError: If the disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own per call: several processes may write the same file.
    temporary = path.with_name(f'.{path.stem}.{uuid.uuid4().hex[:12]}.tmp{path.suffix}')
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        # Writing, other than opening, does not say which file it was.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: str | os.PathLike, data: bytes | str) -> Path:
    """Write a whole file.

    Args:
        path (str | os.PathLike): Target file; parent folders are made.
        data (bytes | str): Content; text is written as UTF-8.

    Returns:
        Path: The target file.
    """
    with atomic_path(path) as temporary, open(temporary, 'wb') as file:
        file.write(data.encode('utf-8') if isinstance(data, str) else data)
        file.flush()
        # Otherwise a power cut can leave the new name with the content missing.
        os.fsync(file.fileno())
    return Path(path)


@contextmanager
def open_own(path: str | os.PathLike) -> Iterator[TextIO]:
    """Open a file to be locked or added to, in a folder that may come from somebody else.

    Args:
        path (str | os.PathLike): The file; it is made if it does not exist.

    Yields:
        TextIO: At its end.

    Raises:
        OSError: If it is a symbolic link: what it points to may lie anywhere.
    """

    def open_itself(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW, 0o666)

    with open(path, 'a', buffering=1, encoding='utf-8', opener=open_itself) as file:
        yield file


def remove_unfinished(folder: str | os.PathLike, suffix: str) -> None:
    """Remove what processes that were killed while writing have left.

    Args:
        folder (str | os.PathLike): Where the files would be; nobody may write there now.
        suffix (str): Of the files, such as ``'.pth'``.
    """
    for path in Path(folder).glob(f'.*.tmp{suffix}'):
        path.unlink(missing_ok=True)

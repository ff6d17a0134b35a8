"""Archives of arrays (``.npz``) of others: what they announce is checked before it gets memory."""

import math
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO

import numpy as np

from .errors import MissingFileError, UserError

MAX_BYTES = 4 << 30
"""Most that the arrays of a file may need together."""

MAX_RATIO = 1032
"""Most bytes that deflate makes of one."""

HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@contextmanager
def open_arrays(
    path: str | os.PathLike, what: str, makers: str, names: Iterable[str] = ()
) -> Iterator[Mapping]:
    """Open an archive of arrays; errors of the ``with`` block are those of the file, too.

    Args:
        path (str | os.PathLike): The file.
        what (str): What it must hold, for messages, such as ``'proposals'``.
        makers (str): What makes such files, for messages.
        names (Iterable[str]): Arrays that it must have.

    Yields:
        Mapping: The arrays by name, each read when it is asked for. None holds objects.

    Raises:
        MissingFileError: If there is no such file.
        UserError: If the file is of another kind or damaged, or announces more than it can hold or
            than :data:`MAX_BYTES`.
    """
    try:
        _check(path)
        with np.load(path, allow_pickle=False) as file:
            if missing := [name for name in names if name not in file]:
                raise KeyError(f'it lacks {", ".join(missing)}, and has {", ".join(file)}')
            yield file
    except FileNotFoundError as error:
        raise MissingFileError(f"{what} '{path}' do not exist; make them with {makers}") from error
    # What NumPy raises for other archives, pickled objects and other types of arrays.
    except (ValueError, TypeError, AttributeError, KeyError, EOFError, IndexError) as error:
        missing = f' ({error.args[0]})' if isinstance(error, KeyError) else ''
        raise UserError(
            f"'{path}' holds no {what}; it must be a .npz file that {makers} wrote{missing}"
        ) from error
    except Exception as error:  # reading a damaged archive ends in any of a dozen types
        raise UserError(
            f"{what} '{path}' are damaged or cut off ({error}); delete the file and run {makers} "
            'again'
        ) from error


def _check(path: str | os.PathLike) -> None:
    """Compare what an archive announces with its size.

    Raises:
        ValueError: If the file is no archive, or an array's header cannot be read.
        zipfile.BadZipFile: If it is damaged or announces too much.
    """
    with open(path, 'rb') as file:
        if file.read(2) != b'PK':
            raise ValueError('no archive')
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        for member in members:
            if member.file_size > MAX_RATIO * member.compress_size + MAX_RATIO:
                raise zipfile.BadZipFile(
                    f'{member.filename!r} announces {member.file_size:,} bytes, but has '
                    f'{member.compress_size:,} compressed ones'
                )
            with archive.open(member) as array:
                needed = _announced_bytes(array)
            if needed > member.file_size:
                raise zipfile.BadZipFile(
                    f'{member.filename!r} announces an array of {needed:,} bytes, but has '
                    f'{member.file_size:,}'
                )
    if (total := sum(member.file_size for member in members)) > MAX_BYTES:
        raise zipfile.BadZipFile(f'its arrays need {total:,} bytes, more than {MAX_BYTES:,}')


def _announced_bytes(array: IO[bytes]) -> int:
    """Bytes of the values of an array, as its header says; 0 if it is no array."""
    try:
        version = np.lib.format.read_magic(array)
    except ValueError:  # NumPy gives the bytes of what is no array
        return 0
    # A third version only differs in the names of fields, which no file here has.
    if version not in HEADERS:
        raise ValueError(f'an array of the format {version}')
    shape, _, dtype = HEADERS[version](array)
    return math.prod(shape) * dtype.itemsize

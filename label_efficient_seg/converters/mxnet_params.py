"""Reads parameter files of MXNet without MXNet."""

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..core.errors import MissingFileError, UserError

LIST_MAGIC = 0x112
# An array begins with one of these, or in the oldest files with its number of dimensions.
MAGIC_V1, MAGIC_V2, MAGIC_V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
DTYPES = ('<f4', '<f8', '<f2', '<u1', '<i4', '<i1', '<i8')


def read_mxnet_params(path: str | Path) -> dict[str, Tensor]:
    """Read a ``.params`` file, of any version.

    Args:
        path (str | Path): The file.

    Returns:
        dict[str, Tensor]: The arrays under the names in the file, such as ``arg:conv1_weight``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file, is cut off, or holds sparse arrays.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise MissingFileError(f'checkpoint {str(path)!r} does not exist')
    file = _Reader(path.read_bytes())
    try:
        if file.numbers('<u8', 2) != [LIST_MAGIC, 0]:
            raise UserError('it begins otherwise')
        arrays = [_read_array(file) for _ in range(*file.numbers('<u8'))]
        names = [file.take(*file.numbers('<u8')).decode() for _ in range(*file.numbers('<u8'))]
        return dict(zip(names, arrays, strict=True))
    except ValueError as error:
        raise UserError(f'{str(path)!r} is no complete parameter file of MXNet: {error}') from error


class _Reader:
    """Takes little-endian numbers off the front of a file."""

    def __init__(self, content: bytes) -> None:
        self.content, self.position = content, 0

    def take(self, count: int) -> bytes:
        if self.position + count > len(self.content):
            raise UserError(f'it ends after {len(self.content):,} bytes')
        self.position += count
        return self.content[self.position - count : self.position]

    def numbers(self, dtype: str, count: int = 1) -> list[int]:
        return np.frombuffer(self.take(np.dtype(dtype).itemsize * count), dtype).tolist()


def _read_array(file: _Reader) -> Tensor:
    (magic,) = file.numbers('<u4')
    has_long_shape = magic in (MAGIC_V1, MAGIC_V2, MAGIC_V3)
    if magic in (MAGIC_V2, MAGIC_V3) and file.numbers('<i4') != [0]:
        raise UserError('it has a sparse array')
    (dims,) = file.numbers('<u4') if has_long_shape else [magic]
    shape = file.numbers('<u8' if has_long_shape else '<u4', dims)
    _, _, kind = file.numbers('<i4', 3)  # a device, which takes two numbers, and the type
    if not shape or not 0 <= kind < len(DTYPES):
        raise UserError(f'it has an array of shape {tuple(shape)} and type {kind}')
    dtype = np.dtype(DTYPES[kind])
    content = file.take(dtype.itemsize * math.prod(shape))
    return torch.from_numpy(np.frombuffer(content, dtype).reshape(shape).copy())

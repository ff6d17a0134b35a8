"""Binary masks as run lengths, in the forms of COCO and of Label Studio's brush.

Sources: ``maskApi.c`` of the COCO API, and ``rle-pack``, whose form Label Studio uses. NumPy counts
the pixels; only what is done run by run is a loop.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from ...core.errors import UserError
from ...core.labels import IGNORE
from .images import MOST_PIXELS

BRUSH_SIZES = (3, 4, 8, 16)
"""Bits of the lengths of runs that Label Studio writes."""
CHANNELS = 4
"""A brush is kept as the pixels of an RGBA image, of which the last channel counts."""


def empty_mask(height: int, width: int) -> np.ndarray:
    """A mask without a label.

    Returns:
        np.ndarray: Shape (height, width), uint8, all of it 255.

    Raises:
        ValueError: If it cannot be the size of a photo.
    """
    _check_size(height, width)
    return np.full((height, width), IGNORE, np.uint8)


def _check_size(height: int, width: int) -> None:
    """Refuse a size before memory is taken for it."""
    sides = (height, width)
    if not all(type(side) is int and side > 0 for side in sides) or height * width > MOST_PIXELS:
        raise UserError(f'a photo of {width!r:.40} x {height!r:.40} pixels cannot be')


def coco_counts(mask: np.ndarray) -> list[int]:
    """Lengths of the runs of a mask, shape (H, W), down the columns; the first are zeros."""
    values = np.asarray(mask, bool).ravel(order='F')
    borders = np.flatnonzero(np.diff(values)) + 1
    lengths = np.diff(np.concatenate([[0], borders, [len(values)]])).tolist()
    return [0, *lengths] if values[:1].any() else lengths


def coco_mask(counts: Sequence[int] | str, height: int, width: int) -> np.ndarray:
    """The mask of COCO's run lengths, as numbers or as a packed text.

    Returns:
        np.ndarray: Shape (height, width), bool.

    Raises:
        ValueError: If they are not those of a mask of this size.
    """
    _check_size(height, width)
    numbers = _unpack(counts) if isinstance(counts, (str, bytes)) else list(counts)
    if min(numbers, default=0) < 0 or sum(numbers) != height * width:
        raise UserError(f'run lengths of {sum(numbers)} pixels do not fit {width} x {height}')
    values = np.repeat(np.arange(len(numbers)) % 2 == 1, numbers)
    return values.reshape((height, width), order='F')


def _unpack(text: str | bytes) -> list[int]:
    """Numbers of five bits a character, lowest first, from the third on as differences."""
    numbers: list[int] = []
    value = shift = 0
    for code in text.encode() if isinstance(text, str) else text:
        code -= 48
        value |= (code & 31) << shift
        shift += 5
        if shift > 60:
            raise UserError('a run length has more digits than any photo has pixels')
        if code & 32:
            continue
        if code & 16:
            value |= -1 << shift
        numbers.append(value + (numbers[-2] if len(numbers) > 2 else 0))
        value = shift = 0
    return numbers


def brush_bytes(mask: np.ndarray) -> list[int]:
    """A mask, shape (H, W), as Label Studio keeps a brush: bytes of packed runs."""
    values = np.asarray(mask, bool).ravel()
    borders = np.flatnonzero(np.diff(values)) + 1
    starts = np.concatenate([[0], borders])
    lengths = np.diff(np.concatenate([starts, [len(values)]])) * CHANNELS
    bits = [f'{values.size * CHANNELS:032b}{7:05b}', *(f'{size - 1:04b}' for size in BRUSH_SIZES)]
    for value, length in zip(values[starts].tolist(), lengths.tolist(), strict=True):
        for part in _parts(length):
            index = next(i for i, size in enumerate(BRUSH_SIZES) if part <= 1 << size)
            bits.append(f'1{index:02b}{part - 1:0{BRUSH_SIZES[index]}b}{255 * value:08b}')
    text = ''.join(bits)
    text += '0' * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8, 'big'))


def _parts(length: int) -> Iterable[int]:
    most = 1 << BRUSH_SIZES[-1]
    yield from [most] * (length // most)
    if length % most:
        yield length % most


def brush_mask(packed: Sequence[int], height: int, width: int) -> np.ndarray:
    """The mask of what :func:`brush_bytes` or Label Studio packed.

    Returns:
        np.ndarray: Shape (height, width), bool.

    Raises:
        ValueError: If it is not a mask of this size.
    """
    try:
        content = bytes(packed)
        bits = f'{int.from_bytes(content, "big"):0{8 * len(content)}b}'
        values = _read_brush(bits, height * width * CHANNELS)
    except (ValueError, TypeError, IndexError) as error:
        raise UserError(f'this is no brush of {width} x {height} pixels: {error}') from error
    return values.reshape(height, width, CHANNELS)[..., -1]


def _read_brush(bits: str, expected: int) -> np.ndarray:
    position = 0

    def read(count: int) -> int:
        nonlocal position
        position += count
        return int(bits[position - count : position], 2)

    total, word = read(32), read(5) + 1
    if total != expected:
        raise ValueError(f'it has {total} values instead of {expected}')
    sizes = [read(4) + 1 for _ in range(4)]
    values, done = np.zeros(total, bool), 0
    while done < total:
        repeated = read(1)
        end = done + read(sizes[read(2)]) + 1
        if end > total:
            raise ValueError(f'its runs have more than {total} values')
        if repeated:
            values[done:end] = read(word) > 0
        else:
            values[done:end] = [read(word) > 0 for _ in range(end - done)]
        done = end
    return values

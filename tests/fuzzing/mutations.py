"""Broken files: valid ones that are cut, changed and exchanged, the same in every run."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

CUTS, CHANGES = 40, 90


def mutations(valid: bytes, seed: int = 0) -> Iterator[bytes]:
    """Contents of broken files.

    Args:
        valid (bytes): Content of a valid file.
        seed (int): Of the choice of places and bytes.

    Yields:
        bytes: Something else; about 150 times.
    """
    rng = np.random.default_rng(seed)
    for length in np.linspace(0, len(valid), CUTS, endpoint=False, dtype=int):
        yield valid[:length]
    for _ in range(CHANGES):
        content = valid
        for _ in range(rng.integers(1, 4)):
            content = _change(content, rng)
        yield content
    for length in (1, 8, 64, 1000):
        yield rng.bytes(length)
        yield valid[: len(valid) // 2] + rng.bytes(length)
    text = valid.decode('latin1')
    yield b'\xef\xbb\xbf' + valid
    yield text.encode('utf-16')
    yield valid.replace(b'\n', b'\r\n')
    yield valid.replace(b'\n', b'\x00\n')
    yield valid.replace(b'\n', b'')
    yield valid + b'\n' + valid
    yield bytes(len(valid))
    yield b'x' * 200_000
    yield valid + b' 1' * 200_000
    for number in (b'-1', b'0', b'99999999999', b'9' * 5000, b'1e999', b'NaN'):
        yield re.sub(rb'\d+', number, valid)
        yield re.sub(rb'\d+', number, valid, count=1)
    for opening in (b'[', b'{"a":', b'(', b'<a>'):
        yield opening * 100_000


def _change(content: bytes, rng: np.random.Generator) -> bytes:
    """One byte flipped, some inserted, deleted or repeated, or a number made large."""
    start, length = int(rng.integers(len(content) + 1)), int(rng.integers(1, 9))
    end = start + length
    large = [b'\xff' * length, b'\xff' * (length - 1) + b'\x7f', b'\x00' * length][rng.integers(3)]
    flipped = bytes(byte ^ (1 << int(rng.integers(8))) for byte in content[start : start + 1])
    return (
        content[:start]
        + (
            flipped + content[start + 1 :],
            rng.bytes(length) + content[start:],
            content[end:],
            content[start:end] + content[start:],
            large + content[end:],
        )[rng.integers(5)]
    )


def check_reader(
    read: Callable[[Path], Any],
    path: Path,
    contents: Iterable[bytes],
    is_sound: Callable[[Any], bool],
    *errors: type[Exception],
) -> int:
    """Read broken files: what is returned must be sound, and errors must name the file.

    Args:
        read (Callable[[Path], Any]): Reads a file.
        path (Path): Where to write it.
        contents (Iterable[bytes]): Contents of broken files.
        is_sound (Callable[[Any], bool]): Whether a result is what the reader promises.
        *errors (type[Exception]): Types that the reader may raise; not their subclasses.

    Returns:
        int: How many were refused.
    """
    refused = 0
    for number, content in enumerate(contents):
        path.write_bytes(content)
        place = f'content {number}, which begins with {content[:60]!r}'
        try:
            found = read(path)
        except Exception as error:
            assert type(error) in errors, f'{place}: {error!r}'
            assert str(path) in str(error), f'{place}: {error!r}'
            refused += 1
        else:
            assert is_sound(found), f'{place}: {found!r}'
    return refused

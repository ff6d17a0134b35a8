"""Word vectors of word2vec, GloVe and fastText, read as a stream."""

import codecs
import os
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import BinaryIO, NamedTuple

import numpy as np

from ...core.errors import MissingFileError, UserError
from ...core.progress import track

BLOCK = 1 << 20
"""Bytes that are read at once."""

LONGEST_WORD = 10_000
LONGEST_VECTOR = 100_000
LONGEST_NUMBER = 100
FIRST_LINE = 1 << 16
GZIP = b'\x1f\x8b'
OTHER_KINDS = {
    b'PK\x03\x04': 'is a zip archive; unpack it first',
    b'\xba\x16\x4f\x2f': 'is a model of fastText; use the .vec file that belongs to it',
    codecs.BOM_UTF16_LE: 'is a text in UTF-16; save it in UTF-8',
    codecs.BOM_UTF16_BE: 'is a text in UTF-16; save it in UTF-8',
}
MOST_SPACES = 8
"""Spaces that are tried as the end of a binary word."""

USUAL_NUMBERS = (1e-8, 1e4)
"""Most numbers of vectors are 0 or between these; letters of a word, read as a number, are not."""

MOST_UNUSUAL = 0.25
"""Of the numbers of a vector; more are found where they have other bytes than those read."""

LONGEST_SHOWN = 40


class _Layout(NamedTuple):
    """How vectors are written.

    Attributes:
        size (int): Numbers per vector.
        count (int, optional): Vectors in the file, where it says so; GloVe's do not.
        text (bool): Whether numbers are written as text.
        begin (int): Length of the header in bytes.
    """

    size: int
    count: int | None  # type: ignore[assignment]  # hides tuple.count
    text: bool
    begin: int


def find_word_vectors(path: str | os.PathLike, words: Iterable[str]) -> dict[str, np.ndarray]:
    """Search a file for the vectors of some words, block by block until all are found.

    Args:
        path (str | os.PathLike): A word2vec file, binary or text, a text file of GloVe, or a
            ``.vec`` file of fastText, as it is or packed by gzip. The kind is seen from the
            content, not from the name. Words may have spaces.
        words (Iterable[str]): Words in the spelling of the file.

    Returns:
        dict[str, np.ndarray]: float32 vectors, shape (D,), of those words that the file has.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is of another kind, or damaged or cut off before all words are found.
    """
    if not os.path.isfile(path):
        raise MissingFileError(f"word vectors '{path}' do not exist")
    wanted = {word.encode(): word for word in words}
    found: dict[str, np.ndarray] = {}
    read = 0
    with open(path, 'rb') as file:
        blocks = _blocks(file, path)
        start, layout = _beginning(blocks, path)
        parts = chain([start], blocks)
        records = (
            _text_records(parts, layout.size, path, wanted)
            if layout.text
            else _binary_records(parts, layout.size, path)
        )
        for word, values in records:
            read += 1
            if word in wanted and wanted[word] not in found:
                vector = _decode(values, layout, f"'{wanted[word]}' in '{path}'")
                if vector is not None:
                    found[wanted[word]] = vector
                if len(found) == len(wanted):
                    return found
    if layout.count is not None and read < layout.count:
        raise _cut_off(path, f'it announces {layout.count} words, but has {read}')
    return found


def first_words(path: str | os.PathLike, number: int = 3) -> list[str]:
    """The first words of a file, to show what its words look like.

    Args:
        path (str | os.PathLike): As for :func:`find_word_vectors`.
        number (int): How many, at most.

    Returns:
        list[str]: The words.
    """
    with open(path, 'rb') as file:
        start, layout = _beginning(_blocks(file, path, shown=False), path)
    if layout.text:
        lines = (line.rsplit(None, layout.size) for line in start.split(b'\n'))
        words: Iterable[bytes] = (line[0] for line in lines if line)
    else:
        words = (word for word, _ in _binary_records([start], layout.size, path))
    return [word.decode(errors='replace')[:LONGEST_SHOWN] for word in islice(words, number)]


def _beginning(blocks: Iterator[bytes], path: str | os.PathLike) -> tuple[bytes, _Layout]:
    """What is read to see the kind of a file, without its header, and the kind."""
    start = b''
    while len(start) < FIRST_LINE and (block := next(blocks, b'')):
        start += block
    layout = _find_layout(start, path)
    return start[layout.begin :], layout


def _blocks(file: BinaryIO, path: str | os.PathLike, shown: bool = True) -> Iterator[bytes]:
    """Content of a file, unpacked where it is packed; none is empty."""
    packed = file.read(2) == GZIP
    file.seek(0)
    blocks: Iterable[bytes] = iter(lambda: file.read(BLOCK), b'')
    if shown:
        blocks = track(blocks, f"MiB of '{path}'", -(-os.path.getsize(path) // BLOCK))
    return filter(None, _unpack(blocks, path) if packed else blocks)


def _unpack(blocks: Iterable[bytes], path: str | os.PathLike) -> Iterator[bytes]:
    """Content of a gzip file, which may have several parts."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        for block in blocks:
            while block:
                if unpacker.eof:
                    unpacker = zlib.decompressobj(wbits=31)
                # No more at once: a block of a hostile file may unpack to a thousand of them.
                yield unpacker.decompress(block, BLOCK)
                block = unpacker.unconsumed_tail or unpacker.unused_data
    except zlib.error as error:
        raise _cut_off(path, str(error)) from error
    if not unpacker.eof:
        raise _cut_off(path, 'its gzip stream has no end')


def _find_layout(start: bytes, path: str | os.PathLike) -> _Layout:
    for magic, reason in OTHER_KINDS.items():
        if start.startswith(magic):
            raise UserError(f"'{path}' {reason}")
    mark = len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0
    lines = start[mark:].split(b'\n')
    tokens = lines[0].split()
    if len(tokens) == 2 and all(token.isdigit() and len(token) < 19 for token in tokens):
        count, size = map(int, tokens)
        if not 0 < size <= LONGEST_VECTOR:
            raise _cut_off(path, f'it announces vectors of {size} numbers')
        # A binary vector hardly ever spells numbers.
        text = len(lines) > 1 and _count_numbers(lines[1]) >= min(size, 3)
        return _Layout(size, count, text, mark + len(lines[0]) + 1)
    if len(tokens) < 2 or not _is_number(tokens[-1]):
        raise UserError(
            f"'{path}' holds no word vectors; it must be a file of word2vec, GloVe or fastText, "
            'with a word and its numbers per line, or in the binary form of word2vec'
        )
    # The first word may have spaces, and the last line may be cut.
    sizes = Counter(map(_count_numbers, lines[:-1] or lines))
    return _Layout(sizes.most_common(1)[0][0], None, True, mark)


def _count_numbers(line: bytes) -> int:
    """Numbers at the end of a line, without its first word."""
    tokens = line.split()[1:]
    return next((n for n, t in enumerate(reversed(tokens)) if not _is_number(t)), len(tokens))


def _is_number(token: bytes) -> bool:
    try:
        float(token)
    except ValueError:
        return False
    return True


def _text_records(
    blocks: Iterable[bytes], size: int, path: str | os.PathLike, wanted: Iterable[bytes]
) -> Iterator[tuple[bytes, bytes]]:
    """Words and what follows them in their line; words that are not wanted come empty."""
    beginnings = {word.split()[0] for word in wanted if word.split()}

    def record(line: bytes) -> tuple[bytes, bytes]:
        first = line.split(None, 1)[:1]
        if first and first[0] in beginnings:
            word, *values = line.strip().rsplit(None, size)
            return word, b' '.join(values)
        return b'', b''

    rest, longest = b'', LONGEST_WORD + LONGEST_NUMBER * size
    for block in blocks:
        *lines, rest = (rest + block).split(b'\n')
        yield from map(record, lines)
        if len(rest) > longest:
            raise _cut_off(path, f'it has a line of more than {longest} bytes')
    if rest.strip():
        if len(rest.split()) <= size:
            raise _cut_off(path, 'its last line is not complete')
        yield record(rest)


def _binary_records(
    blocks: Iterable[bytes], size: int, path: str | os.PathLike
) -> Iterator[tuple[bytes, bytes]]:
    """Words and the bytes of their vectors; some writers end a vector with a line feed."""
    rest, length = b'', 4 * size
    # What follows the first space may belong to the word; the end of the file needs no more.
    for block, slack in chain(((block, LONGEST_WORD) for block in blocks), [(b'', 0)]):
        rest += block
        start = 0
        while (space := rest.find(b' ', start)) >= 0 and space + 1 + length + slack <= len(rest):
            space = _end_of_word(rest, space, length)
            end = space + 1 + length
            yield rest[start:space].lstrip(b'\n'), rest[space + 1 : end]
            start = end
        rest = rest[start:]
        if (rest.find(b' ') if b' ' in rest else len(rest)) > LONGEST_WORD:
            raise _cut_off(path, f'it has a word of more than {LONGEST_WORD} bytes')


def _end_of_word(content: bytes, space: int, length: int) -> int:
    """The first space behind which there are numbers of a usual size, or else the first one."""
    candidate = space
    for _ in range(MOST_SPACES):
        if candidate < 0 or candidate + 1 + length > len(content):
            break
        if _is_usual(np.frombuffer(content, '<f4', length // 4, candidate + 1)).all():
            return candidate
        candidate = content.find(b' ', candidate + 1, space + LONGEST_WORD)
    return space


def _is_usual(numbers: np.ndarray) -> np.ndarray:
    smallest, largest = USUAL_NUMBERS
    return (numbers == 0) | (abs(numbers) > smallest) & (abs(numbers) < largest)


def _decode(values: bytes, layout: _Layout, name: str) -> np.ndarray | None:
    """The vector; None if the line belongs to several words, as in GloVe's largest files."""
    if layout.text:
        numbers = values.split()
        if len(numbers) > layout.size:
            return None
        try:
            vector = np.array([float(number) for number in numbers], np.float32)
        except ValueError as error:
            raise UserError(f'the vector of {name} is damaged: {error}') from error
    else:
        vector = np.frombuffer(values, '<f4').astype(np.float32)
    finite = np.isfinite(vector)
    if not layout.text and (finite & ~_is_usual(vector)).mean() > MOST_UNUSUAL:
        raise UserError(
            f'the vector of {name} has numbers of an unusual size; a binary file must hold numbers '
            'of 32 bits, the lowest byte first'
        )
    if len(vector) < layout.size or not finite.all():
        raise UserError(
            f'the vector of {name} is damaged: {layout.size} finite numbers are needed; download '
            'the file again'
        )
    return vector


def _cut_off(path: str | os.PathLike, reason: str) -> UserError:
    return UserError(
        f"word vectors '{path}' are damaged or cut off: {reason}; download the file again"
    )

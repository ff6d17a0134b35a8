"""Archives of arrays (.npz) that are broken or hostile."""

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from label_efficient_seg.core.errors import UserError
from label_efficient_seg.datasets import (
    Proposals,
    load_class_embeddings,
    read_class_maps,
    read_proposals,
    write_class_maps,
    write_proposals,
)
from label_efficient_seg.datasets.files.class_embeddings import write_class_embeddings
from tests.fuzzing.mutations import check_reader, mutations

# What NumPy, PyTorch and Pillow warn of before they fail is not what is tested.
pytestmark = pytest.mark.filterwarnings('ignore')

NAMES = ('cat', 'potted plant', 'wall-brick')
BOXES = np.array([[0, 0, 7, 5], [1.5, 2, 3, 4], [0, 1, 2, 3]], np.float32)


class Case(NamedTuple):
    """A reader.

    Attributes:
        write (Callable[[Path], None]): Writes a valid file.
        read (Callable[[Path], Any]): The reader.
        is_sound (Callable[[Any], bool]): Whether a result is what the reader promises.
    """

    write: Callable[[Path], None]
    read: Callable[[Path], Any]
    is_sound: Callable[[Any], bool]


def write_some_proposals(path: Path) -> None:
    write_proposals(path, Proposals(BOXES, np.array([3, 2, 1], np.float32), (5, 7)), run='r')


def are_proposals(found: Proposals) -> bool:
    (height, width), boxes, scores = found.size, found.boxes, found.scores
    inside = [0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height for x1, y1, x2, y2 in boxes]
    floats = boxes.dtype == scores.dtype == np.float32 and boxes.shape == (len(scores), 4)
    falling = sorted(scores.tolist(), reverse=True) == scores.tolist()
    return floats and falling and all(inside) and height > 0 and width > 0


def write_some_maps(path: Path) -> None:
    maps = np.random.default_rng(0).random((2, 6, 5))
    write_class_maps(path, [0, 14], run='r', low=maps, high=maps[::-1])


def are_maps(found) -> bool:
    shapes = [values.shape for values in found.maps.values()]
    whole = all(len(shape) == 3 and shape[0] == len(found.classes) for shape in shapes)
    floats = all(values.dtype == np.float32 for values in found.maps.values())
    return whole and floats and found.classes.dtype == np.int64 and found.classes.ndim == 1


def are_embeddings(vectors: np.ndarray) -> bool:
    whole = vectors.dtype == np.float32 and vectors.ndim == 2 and len(vectors) == len(NAMES)
    return whole and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


CASES = {
    'proposals': Case(write_some_proposals, read_proposals, are_proposals),
    'class maps': Case(write_some_maps, read_class_maps, are_maps),
    'class embeddings': Case(
        lambda path: write_class_embeddings(path, NAMES, BOXES - 0.5, 'a note'),
        lambda path: load_class_embeddings(path, NAMES),
        are_embeddings,
    ),
}


def as_npy(values: Any, **header: Any) -> bytes:
    """A ``.npy`` file, of which the header may lie."""
    values, file = np.asarray(values), io.BytesIO()
    declared = dict(np.lib.format.header_data_from_array_1_0(values), **header)
    np.lib.format.write_array_header_1_0(file, declared)
    return file.getvalue() + (b'' if values.dtype.hasobject else values.tobytes())


def hostile_members() -> Iterator[bytes]:
    """What may stand in the place of an array."""
    for shape in ((10**14,), (3, 10**14), (10**30,), (-1,), (3, -4), (2**62, 2), (), (0,), (1.5,)):
        yield as_npy(BOXES, shape=shape)
    for kind in ('|O', '|V4294967295', '<U1000000000', '[("a", "O")]', 'x', '<f4' * 100):
        yield as_npy(BOXES, descr=kind)
    for kind in ('i8', 'c16', 'U9', 'S9', '?', 'f8', 'f2', '>f4', 'M8[s]', 'f4,f4'):
        with np.errstate(all='ignore'):
            yield as_npy(np.arange(3).astype(kind))
            yield as_npy(np.zeros((3, 4), kind))
    for number in (np.nan, np.inf, -np.inf, -1, 0, 1e30, 1e300):
        yield as_npy(np.full((3, 4), number))
        yield as_npy(np.full(2, number))
        with np.errstate(over='ignore'):
            yield as_npy(np.full((3, 4), number, np.float32))
    yield as_npy(np.float32(1))
    yield as_npy(np.array(NAMES * 1000))
    yield b''
    yield b'\x93NUMPY'
    yield b'\x93NUMPY\x09\x09' + bytes(50)
    for text in ('(' * 5000, '{' * 5000, '{"shape": ' * 900, '\x00' * 50, '1' * 9000, '__import__'):
        yield b'\x93NUMPY\x01\x00' + len(text).to_bytes(2, 'little') + text.encode()


def exchanged(valid: bytes) -> Iterator[bytes]:
    """Archives of which one member is something else, or is missing."""
    with zipfile.ZipFile(io.BytesIO(valid)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    for changed in members:
        for content in (None, *hostile_members()):
            archive = io.BytesIO()
            with zipfile.ZipFile(archive, 'w') as file:
                for name, member in members.items():
                    if name != changed:
                        file.writestr(name, member)
                    elif content is not None:
                        file.writestr(name, content)
            yield archive.getvalue()


def unusual(valid: bytes) -> Iterator[bytes]:
    """Archives that are packed as no writer of this package packs them."""
    begin = valid.index(b'PK\x01\x02')
    for offset, values in {6: (99, 255), 8: (1, 32, 64), 10: (1, 9, 12, 14, 99)}.items():
        for value in values:  # version, flags such as encryption, compression
            place = begin + offset
            yield valid[:place] + bytes([value]) + valid[place + 1 :]
    end = valid.index(b'PK\x05\x06')
    for offset in range(4, 20):  # parts, numbers of files, sizes
        yield valid[: end + offset] + b'\xff' + valid[end + offset + 1 :]
    for name in ('../../boxes.npy', '/etc/passwd', 'x' * 60_000):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, 'w') as file:
            file.writestr(name, as_npy(BOXES))
        yield archive.getvalue()


@pytest.mark.parametrize('name', CASES)
class TestArchives:
    @pytest.fixture
    def path(self, tmp_path, name) -> Path:
        CASES[name].write(tmp_path / 'a.npz')
        assert CASES[name].is_sound(CASES[name].read(tmp_path / 'a.npz'))
        return tmp_path / 'a.npz'

    def check(self, name: str, path: Path, contents: Iterator[bytes]) -> int:
        _, read, is_sound = CASES[name]
        return check_reader(read, path, contents, is_sound, UserError)

    def test_broken(self, name, path):
        assert self.check(name, path, mutations(path.read_bytes())) > 100

    def test_other_members(self, name, path):
        assert self.check(name, path, exchanged(path.read_bytes())) > 100

    def test_unusual_archives(self, name, path):
        assert self.check(name, path, unusual(path.read_bytes())) > 8

    def test_folder(self, name, tmp_path):
        with pytest.raises((ValueError, FileNotFoundError), match=str(tmp_path)):
            CASES[name].read(tmp_path)

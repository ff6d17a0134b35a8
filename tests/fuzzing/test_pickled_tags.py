"""Tags in a pickled dict (cls_labels.npy) that are broken or hostile."""

import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from label_efficient_seg.datasets.files.image_labels import TagVocabulary, read_image_labels
from tests.fuzzing.mutations import check_reader, mutations

IDS = ['a', 'sub/b']
VOCABULARY = TagVocabulary(('background', 'cat', 'traffic light', 'dog'))
TAGS = {'a': np.array([1, 0, 1], np.float32), 'sub/b': np.array([0, 1, 0], np.float32)}
CORE = (np._core if hasattr(np, '_core') else np.core).multiarray
HEADER = io.BytesIO()
np.lib.format.write_array_header_1_0(HEADER, dict(descr='|O', fortran_order=False, shape=()))


class Call:
    """Unpickles as ``function(*arguments)``, with a state."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self.parts = function, arguments, state

    def __reduce__(self) -> tuple:
        return self.parts


def array(kind: Any, values: Any, shape: tuple[int, ...] = (3,)) -> Call:
    """An array as files declare it."""
    return Call(CORE._reconstruct, np.ndarray, (0,), b'b', state=(1, shape, kind, False, values))


def kind(name: str, fields: Any = None, flags: int = 0, size: int = -1, base: Any = None) -> Call:
    names = tuple(fields) if fields else None
    return Call(np.dtype, name, False, True, state=(3, '|', base, names, fields, size, 1, flags))


def write(path: Path, content: Any, protocol: int = 2) -> Path:
    path.write_bytes(HEADER.getvalue() + pickle.dumps(content, protocol))
    return path


def whole(table: Any) -> Call:
    return array(np.dtype('O'), [table], ())


def read(path: Path) -> list[list[int]]:
    return read_image_labels(path, IDS, VOCABULARY)


def are_labels(labels: list[list[int]]) -> bool:
    return len(labels) == 2 and all(image and set(image) <= {1, 2, 3} for image in labels)


@pytest.mark.parametrize('protocol', [0, 2, 4])
def test_broken(tmp_path, protocol):
    path = write(tmp_path / 'tags.npy', np.array(TAGS), protocol)
    assert read(path) == [[1, 3], [2]]
    contents = list(mutations(path.read_bytes()))
    # Most of the file is its header, of which little matters.
    begin = len(HEADER.getvalue())
    contents += [HEADER.getvalue() + x for x in mutations(path.read_bytes()[begin:], protocol)]
    assert check_reader(read, path, contents, are_labels, ValueError) > 150


POINTERS = b'\x41' * 24
HOSTILE = {
    # Objects whose addresses the file chooses, had NumPy read it.
    'table at an address': array(kind('O8'), POINTERS[:8], ()),
    'objects at addresses': whole({'a': array(kind('O8'), POINTERS)}),
    'field of objects': whole(
        {'a': array(kind('V8', {'x': (np.dtype('O'), 0)}, size=8), POINTERS)},
    ),
    'field behind the end': whole(
        {'a': array(kind('f8', {'x': (np.dtype('f8'), 10**9)}), POINTERS)}
    ),
    'element behind the end': whole(
        {'a': array(kind('f8', base=(np.dtype('f8'), (10**8,))), POINTERS)}
    ),
    'many numbers': whole({'a': Call(np.ndarray, (10**13,), 'f8')}),
    'many objects': whole({'a': Call(np.ndarray, (10**8,), 'O')}),
    'shape that does not fit': whole({'a': array(np.dtype('f8'), POINTERS, (10**13,))}),
    'long text': whole({'a': Call(CORE.scalar, kind('U4', size=2**31 - 1), b'aaaa')}),
    'number': whole(3),
    'no state': whole({'a': Call(CORE._reconstruct, np.ndarray, (0,), b'b')}),
    'state of a type': whole({'a': Call(np.dtype, 'f8', state=())}),
    'arrays in an array': whole({'a': array(np.dtype('O'), [TAGS['a']])}),
    'key of another kind': whole({('a', 'b'): TAGS['a'], 5: TAGS['a']}),
}


@pytest.mark.parametrize('name', HOSTILE)
def test_hostile(tmp_path, name):
    path = write(tmp_path / 'tags.npy', HOSTILE[name])
    with pytest.raises(ValueError, match=f"{path}'"):
        read(path)


def doubled(depth: int) -> Any:
    """Lists of lists, which takes little space in a file and has no end when it is unfolded."""
    value: Any = [1]
    for _ in range(depth):
        value = [value, value]
    return value


@pytest.mark.parametrize(
    'table', [{'a': doubled(60)}, {'a': (doubled(60),)}, doubled(60), [[]] * 1000]
)
def test_what_has_no_end_when_it_is_unfolded(tmp_path, table):
    path = write(tmp_path / 'tags.npy', whole(table))
    with pytest.raises(ValueError, match=f"{path}'"):
        read(path)


@pytest.mark.parametrize(
    'content',
    [
        b'\x80\x02}r\xff\xff\xff\x03.',  # the 67 millionth object of the file, a dict
        b'\x80\x04\x95' + b'\xff' * 7 + b'\x7f.',  # a frame of nine exabytes
        b'\x80\x04\x8e' + b'\xff' * 4 + bytes(4) + b'.',  # bytes, four gigabytes of them
        b'\x80\x04\x8d' + b'\xff' * 7 + b'\x0f.',  # text
        b'\x80\x02\x8b\xff\xff\xff\x7f.',  # a number of two gigabytes
        b'(' * 100_000 + b'.',
        b']' + b'\x86' * 10 + b'.',
    ],
)
def test_hostile_sizes(tmp_path, content):
    path = tmp_path / 'tags.npy'
    path.write_bytes(HEADER.getvalue() + content)
    with pytest.raises(ValueError, match=f"{path}'"):
        read(path)


def payloads(target: str) -> dict[str, Any]:
    call = Call(os.mkdir, target)
    return {
        'table': call,
        'array of it': np.array(call, object),
        'key': whole({Call(os.mkdir, target): 1}),
        'value': whole({**TAGS, 'a': call}),
        'shape': whole({'a': array(np.dtype('f4'), bytes(12), (call,))}),
        'numbers': whole({'a': array(np.dtype('f4'), call)}),
        'type': whole({'a': array(Call(np.dtype, call), bytes(12))}),
        'state': whole({'a': array(kind('f4', {'x': call}), bytes(12))}),
        'eval': Call(eval, f'__import__("os").mkdir({target!r})'),
        'method': Call(getattr, Call(__import__, 'os'), 'mkdir'),
    }


@pytest.mark.parametrize('protocol', [0, 2, 4, 5])
@pytest.mark.parametrize('place', payloads(''))
def test_no_code_is_run(tmp_path, place, protocol):
    target = tmp_path / 'it_ran'
    path = write(tmp_path / 'tags.npy', payloads(str(target))[place], protocol)
    with pytest.raises(ValueError, match=r'tags\.npy. was not loaded: it holds .*could run code'):
        read(path)
    assert not target.exists()

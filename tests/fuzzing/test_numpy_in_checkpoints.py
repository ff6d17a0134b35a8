"""Checkpoints that try to corrupt memory, or run code, by way of NumPy's constructors.

Every file is read in a process of its own, so that a crash is seen.
"""

import io
import multiprocessing
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.logging.history_buffer import HistoryBuffer

from label_efficient_seg.core.errors import UserError
from label_efficient_seg.core.weights import load_checkpoint

CORE = 'numpy._core.multiarray' if hasattr(np, '_core') else 'numpy.core.multiarray'
REFUSED = 'holds more than tensors and plain containers'


def value(content: Any) -> bytes:
    """What puts a plain value on the unpickler's stack."""
    return pickle.dumps(content, protocol=2)[2:-1]


def name(module: str, attribute: str) -> bytes:
    return f'c{module}\n{attribute}\n'.encode()


def together(*parts: bytes) -> bytes:
    """A tuple."""
    return b'(' + b''.join(parts) + b't'


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + together(*arguments) + b'R'


def build(target: bytes, *state: bytes) -> bytes:
    return target + together(*state) + b'b'


def store(target: bytes, number: int) -> bytes:
    return target + b'q' + bytes([number])


def stored(number: int) -> bytes:
    return b'h' + bytes([number])


NDARRAY, DTYPE = name('numpy', 'ndarray'), name('numpy', 'dtype')
RECONSTRUCT, SCALAR = name(CORE, '_reconstruct'), name(CORE, 'scalar')
LITTLE_ENDIAN = tuple(map(value, (3, '<', None, None, None, -1, -1, 0)))
DOUBLE = build(call(DTYPE, value('f8'), value(False), value(True)), *LITTLE_ENDIAN)
OBJECT = call(DTYPE, value('O8'), value(False), value(True))
EMPTY = call(RECONSTRUCT, NDARRAY, value((0,)), value(b'b'))


def array(shape: tuple, data: bytes, dtype: bytes = DOUBLE, target: bytes = EMPTY) -> bytes:
    return build(target, value(1), value(shape), dtype, value(False), value(data))


def replaced_memory() -> bytes:
    """A tensor that views the memory of an array whose state is then set again."""
    first = store(array((2000,), bytes(16000)), 200)
    view = call(
        name('torch._utils', '_rebuild_device_tensor_from_numpy'),
        stored(200),
        name('torch', 'float64'),
        value('cpu'),
        value(False),
    )
    second = array((4000,), bytes(32000), target=stored(200))
    return together(first, view, second)


def odd_class(module: str, attribute: str) -> bytes:
    return call(RECONSTRUCT, name(module, attribute), value((8,)), value(b'b'))


PAYLOADS: dict[str, bytes] = {
    'memory that is replaced under a tensor': replaced_memory(),
    'array over bytes of the file': call(NDARRAY, value((1,)), OBJECT, value(b'12345678')),
    'array over numbers of the file': call(NDARRAY, value((1,)), DOUBLE, value(b'12345678')),
    'array that is never filled': NDARRAY + value(()) + b'\x81',
    'array of objects': array((1,), b'12345678', OBJECT),
    'array of objects as a list': build(
        EMPTY, value(1), value((1,)), OBJECT, value(False), value([0])
    ),
    'scalar that is an object': call(SCALAR, OBJECT, value(b'12345678')),
    'type with fields': build(
        call(DTYPE, value('V8'), value(False), value(True)),
        *map(value, (3, '|', None, ('a',), {'a': ('O8', 0)}, 8, 1, 0)),
    ),
    'type that a string describes': call(DTYPE, value('O8,i4'), value(False), value(True)),
    'type with an odd byte order': build(call(DTYPE, value('f8')), value(3), value('O')),
    'subclass matrix': odd_class('numpy', 'matrix'),
    'subclass memmap': odd_class('numpy', 'memmap'),
    'subclass of another package': odd_class('torch', 'Tensor'),
    'a type as the class': odd_class('numpy', 'dtype'),
    'history as the class': odd_class('mmengine.logging.history_buffer', 'HistoryBuffer'),
    'shape that is too large': array((2**60,), bytes(8)),
    'shape whose product overflows': array((2**32, 2**32), b''),
    'shape with an endless side': array((0, 2**70), b''),
    'negative shape': array((-1,), bytes(8)),
    'negative shapes': array((-1, -1), bytes(8)),
    'shape of floats': array((1.0,), bytes(8)),
    'too many sides': array((1,) * 200, bytes(8)),
    'data that is too short': array((2,), bytes(8)),
    'data that is a list': build(EMPTY, value(1), value((1,)), DOUBLE, value(False), value([0])),
    'scalar without its data': call(SCALAR, DOUBLE, value(b'1234')),
    'state of another form': EMPTY + value({'data': 1}) + b'b',
    'state within a state': build(
        EMPTY, value(1), value((1,)), array((1,), bytes(8)), value(False), value(bytes(8))
    ),
    'bytes of any size': call(name('__builtin__', 'bytes'), value(2**40)),
    'lookup on an array': call(name('__builtin__', 'getattr'), EMPTY, value('__class__')),
    'lookup of a constructor': call(name('__builtin__', 'getattr'), NDARRAY, value('__new__')),
    'history made by a call': call(name('mmengine.logging.history_buffer', 'HistoryBuffer')),
}


def write(path: Path, payload: bytes) -> None:
    """A checkpoint of PyTorch's zip format with a pickle of our own."""
    file = io.BytesIO()
    torch.save({}, file)
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(path, 'w') as target:
        for member in source.namelist():
            content = source.read(member)
            if member.endswith('data.pkl'):
                content = b'\x80\x02}' + value('other') + payload + b's.'
            target.writestr(member, content)


def in_another_process(function: Callable, *arguments: Any) -> str:
    """Text that a function returns, in a fork that may crash."""
    context = multiprocessing.get_context('fork')
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=lambda: sender.send(function(*arguments)))
    process.start()
    process.join()
    assert process.exitcode == 0
    return receiver.recv()


def outcome(path: Path) -> str:
    try:
        return repr(load_checkpoint(path))
    except UserError as error:
        return str(error)


@pytest.mark.parametrize('kind', PAYLOADS)
def test_crafted_arrays_are_refused(tmp_path, kind):
    write(tmp_path / 'a.pth', PAYLOADS[kind])
    found = in_another_process(outcome, tmp_path / 'a.pth')
    assert found.startswith(f"checkpoint '{tmp_path}/a.pth' ")
    assert REFUSED in found or 'is damaged' in found


def test_a_key_is_not_hashed_through_an_address(tmp_path):
    key = array((1,), b'12345678', OBJECT)
    write(tmp_path / 'a.pth', b'}' + key + value(1) + b's')
    assert REFUSED in in_another_process(outcome, tmp_path / 'a.pth')


def test_the_process_allows_no_more_than_before(tmp_path):
    before = set(torch.serialization.get_safe_globals())
    torch.save(dict(a=np.arange(3.0)), tmp_path / 'a.pth')
    assert load_checkpoint(tmp_path / 'a.pth')['a'].tolist() == [0, 1, 2]
    assert set(torch.serialization.get_safe_globals()) == before
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / 'a.pth', weights_only=True)


def test_what_another_package_allows_does_not_hold(tmp_path):
    write(tmp_path / 'a.pth', PAYLOADS['array over bytes of the file'])
    with torch.serialization.safe_globals([np.ndarray, np.dtype, type(np.dtype('O'))]):
        assert REFUSED in in_another_process(outcome, tmp_path / 'a.pth')
        assert np.ndarray in torch.serialization.get_safe_globals()


def test_the_table_of_statistics_is_not_changed_by_a_file(tmp_path):
    assert HistoryBuffer([3.0], [1]).statistics('mean') == 3
    payload = name('mmengine.logging.history_buffer', 'HistoryBuffer') + value(()) + b'\x81'
    items = value('_log_history') + array((1,), bytes(8))
    items += (
        value('_count_history')
        + array((1,), np.ones(1).tobytes())
        + value('max_length')
        + value(10)
    )
    items += value('statistics_methods') + b'}' + value('mean') + name('torch', 'Size') + b's'
    write(tmp_path / 'a.pth', payload + b'}(' + items + b'ub')
    found = load_checkpoint(tmp_path / 'a.pth')['other']
    assert isinstance(found, HistoryBuffer) and found.statistics('mean') == 0
    assert HistoryBuffer([3.0], [1]).statistics('mean') == 3


def test_lists_within_themselves_and_shared_tuples_end(tmp_path):
    write(tmp_path / 'a.pth', store(b']', 200) + stored(200) + b'a')
    found = load_checkpoint(tmp_path / 'a.pth')['other']
    assert found[0] is found
    doubled = store(together(array((1,), bytes(8))), 200)
    for _ in range(100):
        doubled = store(together(doubled, stored(200)), 200)
    write(tmp_path / 'a.pth', doubled)
    node = load_checkpoint(tmp_path / 'a.pth')['other']
    while len(node) == 2:
        assert node[0] is node[1]
        node = node[0]
    assert node[0].tolist() == [0]


@pytest.mark.parametrize('order', 'CF')
@pytest.mark.parametrize(
    'dtype', ['?', 'i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'i8', 'u8', 'f2', 'f4', 'f8', '>f8', '>i4']
)
def test_arrays_of_numbers_are_read(tmp_path, dtype, order):
    expected = np.arange(12).reshape(3, 4).astype(dtype, order=order)
    empty, single = np.zeros((0, 2), dtype), np.array(7, dtype)
    torch.save(dict(a=(expected, [empty, single, expected[1, 2]])), tmp_path / 'a.pth')
    found, (none, one, scalar) = load_checkpoint(tmp_path / 'a.pth')['a']
    for new, old in ((found, expected), (none, empty), (one, single), (scalar, expected[1, 2])):
        assert type(new) is type(old) and new.dtype == old.dtype and np.array_equal(new, old)
    assert found.flags.writeable and found.flags.owndata and found.base is None
    assert found.flags.c_contiguous == expected.flags.c_contiguous


def test_true_and_false_are_zeros_and_ones(tmp_path):
    """NumPy counts with the bytes themselves, and writes out of bounds if one is larger."""
    boolean = build(call(DTYPE, value('b1'), value(False), value(True)), *map(value, (3, '|')))
    write(tmp_path / 'a.pth', array((4,), b'\x00\x01\x02\xff', boolean))
    found = load_checkpoint(tmp_path / 'a.pth')['other']
    assert found.view(np.uint8).tolist() == [0, 1, 1, 1]

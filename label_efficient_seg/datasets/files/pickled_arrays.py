"""Pickled arrays of strangers, read without running code and without trusting their layout."""

import pickle
from typing import Any, BinaryIO

import numpy as np


def load_pickled_object(file: BinaryIO) -> Any:
    """What ``np.load(allow_pickle=True).item()`` gives, but arrays, texts and containers only.

    Args:
        file (BinaryIO): A ``.npy`` file.

    Returns:
        Any: The object, such as a dict; an empty array if the file holds no single object.

    Raises:
        pickle.UnpicklingError: If the file names anything else, which could run code.
        Exception: If it is damaged; of a dozen types.
    """
    version = np.lib.format.read_magic(file)
    read_header = getattr(np.lib.format, f'read_array_header_{version[0]}_{version[1]}')
    shape, _, dtype = read_header(file)
    if shape or not dtype.hasobject:
        return np.empty(0)
    # The encoding is that of byte strings in pickles of Python 2.
    (found,) = _ArrayUnpickler(file, encoding='latin1').load().values
    if isinstance(found, dict):
        return {k: v.values if isinstance(v, _Array) else v for k, v in found.items()}
    return found


class _StandIn:
    """Takes the place of a type of NumPy, whose own reading of a pickle trusts every address."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError(f'{type(self).__name__} has no state')


class _Dtype(_StandIn):
    """A ``np.dtype``, of which a file chooses no more than its name and the order of its bytes."""

    __slots__ = ('dtype',)

    def __init__(self, name: str, *_: Any) -> None:
        self.dtype = np.dtype(name)
        if self.dtype.kind not in 'biufSUO':
            raise pickle.UnpicklingError(f'it holds an array of type {name!r}')

    def __setstate__(self, state: tuple) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array(_StandIn):
    """A ``np.ndarray``; a list stands for the values of an array of objects."""

    __slots__ = ('values',)

    def __init__(self, *_: Any) -> None:
        self.values: Any = None

    def __setstate__(self, state: tuple) -> None:
        shape, kind, columns_first, values = state[-4:]
        if kind.dtype.hasobject:
            self.values = list(values)
            return
        values = values.encode('latin1') if isinstance(values, str) else values
        order = 'F' if columns_first else 'C'
        self.values = np.frombuffer(values, kind.dtype).reshape(shape, order=order)


class _Scalar(_StandIn):
    """A NumPy number or text."""

    __slots__ = ()

    def __new__(cls, kind: _Dtype, value: bytes | str) -> Any:
        value = value.encode('latin1') if isinstance(value, str) else value
        return np.frombuffer(value, kind.dtype)[0]


class _Bytes(_StandIn):
    """Bytes, as protocol 2 writes them."""

    __slots__ = ()

    def __new__(cls, text: str, *_: Any) -> Any:
        return text.encode('latin1')


# Not the unpickler in C, which sets aside as much memory as the largest index in the file.
class _ArrayUnpickler(pickle._Unpickler):
    """Makes arrays, texts, numbers and plain containers; other pickles could run anything."""

    _allowed = {
        'numpy.ndarray': _Array,
        'numpy.dtype': _Dtype,
        'multiarray._reconstruct': _Array,
        'multiarray.scalar': _Scalar,
        '_codecs.encode': _Bytes,
    }

    def find_class(self, module: str, name: str) -> Any:
        key = f'{module}.{name}'
        for core in ('numpy.core.', 'numpy._core.'):  # NumPy 1 and 2
            key = key.removeprefix(core)
        if key not in self._allowed:
            raise pickle.UnpicklingError(
                f'it holds {module}.{name}, and unpickling that could run code; '
                'tags are a dict from ids to arrays'
            )
        return self._allowed[key]

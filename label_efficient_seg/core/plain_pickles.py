"""Plain Python objects in place of what MMEngine's checkpoints hold beside tensors.

PyTorch's restricted unpickler (``torch.load(weights_only=True)``) builds tensors and containers and
calls nothing but what is on its list. MMEngine also stores NumPy arrays, NumPy scalars and
:class:`HistoryBuffer` objects. Putting their constructors on that list would undo the protection:
``ndarray.__setstate__`` replaces the memory of an array while another object still views it, and
``ndarray(shape, dtype=object, buffer=...)`` turns bytes of the file into addresses of objects.

The classes below stand on the list under NumPy's names instead. Nothing that a file chooses can run
code through them:

- They are written in Python and only keep, on themselves, the arguments they are given. None holds
  memory by address, looks up a name, imports, or changes another object or a class.
- The unpickler calls a class on the list, its ``__new__`` and its ``__setstate__``, and no other
  attribute. All three are defined here for each class.
- Arrays are made after the unpickler has ended, from a ``bytes`` object that they copy, and only if
  the type is one of ``NUMBERS`` and the length fits the shape. Object, record and string types are
  refused.
- ``HistoryBuffer`` objects are made by their own constructor from such arrays. The table of
  statistics in the file, which MMEngine would merge into the class, is ignored.
"""

import pickle
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import torch
from mmengine.logging.history_buffer import HistoryBuffer

# Boolean, integer and floating-point types by their code in a pickled ``numpy.dtype``.
NUMBERS = {np.dtype(kind).str[1:] for kind in '?bBhHiIlLqQefd'}


MOST_REPEATED = 1 << 20
"""Bytes of a tensor that repeats values, as views do, instead of having each of its own."""


class PlainDtype:
    """Stands in for ``numpy.dtype``."""

    def __init__(self, code: Any = None, *_: Any) -> None:
        if not isinstance(code, str) or code not in NUMBERS:
            raise pickle.UnpicklingError(f'a NumPy type {code!r:.80}, which is not a plain number')
        self.code, self.order = code, '<'

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ('<', '>', '|', '='):
            raise pickle.UnpicklingError(f'a NumPy type with the state {state!r:.80}')
        self.order = state[1]

    def build(self) -> np.dtype:
        """The type."""
        return np.dtype(self.order + self.code)


class PlainArray:
    """Stands in for ``numpy.ndarray``."""

    def __init__(self, *_: Any) -> None:
        raise pickle.UnpicklingError('a call of numpy.ndarray')

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise pickle.UnpicklingError('a NumPy array with an unknown state')
        self.state = state

    def build(self) -> np.ndarray:
        """The array, with memory of its own."""
        _, shape, dtype, fortran, data = vars(self).get('state') or (None,) * 5
        if not (
            isinstance(dtype, PlainDtype)
            and isinstance(data, bytes)
            and isinstance(shape, tuple)
            and all(type(size) is int and size >= 0 for size in shape)
            and len(shape) <= 32
            and prod(shape) * dtype.build().itemsize == len(data)
        ):
            raise pickle.UnpicklingError('a NumPy array whose shape, type and data do not fit')
        values = np.frombuffer(data, dtype.build())
        if dtype.code == 'b1':  # NumPy counts the bytes of masks, so only 0 and 1 are safe
            values = np.frombuffer(data, np.uint8) != 0
        order = 'F' if fortran else 'C'
        return values.reshape(shape, order=order).copy(order)


class PlainHistory:
    """Stands in for MMEngine's ``HistoryBuffer``."""

    def __init__(self, *_: Any) -> None:
        raise pickle.UnpicklingError('a call of HistoryBuffer')

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise pickle.UnpicklingError('a HistoryBuffer with an unknown state')
        self.state = state

    def build(self) -> HistoryBuffer:
        """The history of one logged value."""
        state = vars(self).get('state', {})
        values, counts = (state.get(name) for name in ('_log_history', '_count_history'))
        length = state.get('max_length')
        if not (
            isinstance(values, PlainArray)
            and isinstance(counts, PlainArray)
            and type(length) is int
        ):
            raise pickle.UnpicklingError('a HistoryBuffer without its arrays')
        values, counts = values.build(), counts.build()
        if values.ndim != 1 or values.shape != counts.shape or len(values) > length:
            raise pickle.UnpicklingError('a HistoryBuffer whose arrays do not fit each other')
        return HistoryBuffer(values, counts, length)


def _reconstruct(kind: Any = None, *_: Any) -> PlainArray:
    """Stands in for the function that makes an empty array, which its state then fills."""
    if kind is not PlainArray:
        raise pickle.UnpicklingError(f'a NumPy array of the class {kind!r:.80}')
    return PlainArray.__new__(PlainArray)


def _scalar(dtype: Any = None, data: Any = None, *_: Any) -> np.generic:
    """Stands in for the function that makes a NumPy scalar."""
    array = PlainArray.__new__(PlainArray)
    array.__setstate__((1, (), dtype, False, data))
    return array.build()[()]


def _statistic(owner: Any = None, name: Any = None, *_: Any) -> str:
    """Stands in for ``getattr``, by which pickles refer to the methods of ``HistoryBuffer``."""
    if owner is not PlainHistory or name not in ('min', 'max', 'mean', 'current'):
        raise pickle.UnpicklingError(f'a checkpoint may not look up {name!r:.80}')
    return name


def _no_bytes(*arguments: Any) -> bytes:
    """Stands in for ``bytes``, by whose call pickles of protocol 2 write an empty one."""
    if arguments:
        raise pickle.UnpicklingError('a call of bytes')
    return b''


# In the form that ``torch.serialization.add_safe_globals`` takes; NumPy 2 renamed its core.
STAND_INS: list[Callable | tuple[Callable, str]] = [
    (PlainDtype, 'numpy.dtype'),
    (PlainArray, 'numpy.ndarray'),
    (PlainHistory, 'mmengine.logging.history_buffer.HistoryBuffer'),
    (_statistic, 'builtins.getattr'),
    (_no_bytes, 'builtins.bytes'),
    *((_reconstruct, f'numpy.{core}.multiarray._reconstruct') for core in ('core', '_core')),
    *((_scalar, f'numpy.{core}.multiarray.scalar') for core in ('core', '_core')),
]


def without_stand_ins(loaded: Any) -> Any:
    """Replace stand-ins in nested containers by what they stand for.

    Args:
        loaded (Any): What the unpickler returned. Lists and dicts are changed in place.

    Returns:
        Any: The same, or what replaces it.

    Raises:
        pickle.UnpicklingError: If an array is not as it says.
        ValueError: If a tensor has no values, or not as many as it says.
    """
    return _Replacement()(loaded)


def _check_memory(tensor: torch.Tensor) -> None:
    """Refuse a tensor of few bytes that claims to be large, which any copy would make it."""
    if tensor.layout is not torch.strided or tensor.is_meta:
        raise ValueError('a tensor without plain values')
    claimed = tensor.numel() * tensor.element_size()
    if claimed > max(tensor.untyped_storage().nbytes(), MOST_REPEATED):
        raise ValueError(f'a tensor of {claimed} bytes over a part of them')


class _Replacement:
    def __init__(self) -> None:
        # By identity: pickles share objects, and a crafted one may nest a list in itself. The
        # originals are kept, so that no identity is given to another object meanwhile.
        self._done: dict[int, tuple[Any, Any]] = {}

    def __call__(self, node: Any) -> Any:
        if isinstance(node, torch.Tensor):
            _check_memory(node)
        if not isinstance(node, (list, dict, tuple, PlainArray, PlainDtype, PlainHistory)):
            return node
        if id(node) in self._done:
            return self._done[id(node)][1]
        if isinstance(node, (PlainArray, PlainDtype, PlainHistory)):
            return self._remember(node, node.build())
        if isinstance(node, tuple):
            items = [self(item) for item in node]
            same = all(new is old for new, old in zip(items, node, strict=True))
            return self._remember(node, node if same else tuple(items))
        self._remember(node, node)
        for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
            node[key] = self(value)
        return node

    def _remember(self, node: Any, replacement: Any) -> Any:
        self._done[id(node)] = (node, replacement)
        return replacement

"""Data items of many images in little memory."""

import os
from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np


class Names(Sequence[str]):
    """Strings in one block of memory, which processes that fork share.

    Args:
        names (Iterable[str]): Of any length, also none.
    """

    def __init__(self, names: Iterable[str]) -> None:
        encoded = [name.encode('utf-8', 'surrogateescape') for name in names]
        self._ends = np.cumsum([len(name) for name in encoded], dtype=np.int64)
        self._text = b''.join(encoded)

    def __len__(self) -> int:
        """Number of strings."""
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        """One string, or some."""
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        index = range(len(self))[index]
        start = self._ends[index - 1] if index else 0
        return self._text[start : self._ends[index]].decode('utf-8', 'surrogateescape')


class ItemList(Sequence[dict]):
    """Data items that share everything but paths; each is made when it is asked for.

    A dict for each of a million images would take about a gigabyte and ten seconds.

    Args:
        shared (dict): Keys and values of all items.
        **paths (tuple[str, Iterable[str], str]): By key, folder, names in it, and what all end in.

    Attributes:
        shared (dict): May be extended; ``seg_fields`` is a new list in each item.
    """

    def __init__(self, shared: dict, **paths: tuple[str, Iterable[str], str]) -> None:
        self.shared = shared
        self._paths = {
            key: (folder, Names(names), suffix) for key, (folder, names, suffix) in paths.items()
        }

    def __len__(self) -> int:
        """Number of items."""
        return min(len(names) for _, names, _ in self._paths.values())

    @overload
    def __getitem__(self, index: int) -> dict: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict]:
        """One item, or some."""
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        paths = {
            key: os.path.join(folder, names[index] + suffix)
            for key, (folder, names, suffix) in self._paths.items()
        }
        return dict(paths, **self.shared, seg_fields=[])

    def clear(self) -> None:
        """Drop all items, as MMEngine does once it has packed them."""
        self._paths = {key: (folder, Names(()), '') for key, (folder, *_) in self._paths.items()}

"""The files that a stage reads: lists, images, masks, tags, proposals and weights."""

import inspect
import os
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from ..core.digests import digest, file_digest

SMALL = 1 << 20
"""Bytes up to which a file that a config names counts by its content, as lists and tags do."""

# Folders that hold other folders, and what is written instead of read.
NOT_READ = ('data_root', 'source_root', 'work_dir', 'filename', 'type')

State = list | str
"""Size and time of a file, or a digest of its content."""


class DataFiles:
    """Looks at the files that stages read; at each folder and file once, from any thread.

    Args:
        work_dir (Path): Folder of the workflow. What lies in it is what stages left, which has an
            identity of its own.
    """

    def __init__(self, work_dir: Path) -> None:
        self._work_dir = os.path.join(os.path.abspath(work_dir), '')
        self._listed: dict[str, list[str]] = {}
        self._folders: dict[str, dict[str, State]] = {}
        self._lock = threading.Lock()

    def states(self, content: Any) -> dict[str, State]:
        """Size and time of each file that a config, or settings, lead to.

        Datasets say which images and masks they list. A folder named elsewhere, such as one of
        proposals, counts as far as its files are named like the images.

        Args:
            content (Any): Nested values without references.

        Returns:
            dict[str, list | str]: By path; size and time of large files, digests of small ones
            that are named.
        """
        with self._lock:
            listed, found = self._datasets(content), {}
            for path in listed:
                folder, name = os.path.split(path)
                if (state := self._folder(folder).get(name)) is not None:
                    found[path] = state
            ids = {_stem(path) for path in listed}
            for path in _named(content):
                if os.path.isfile(path):
                    found[path] = self._file(path)
                else:
                    found |= self._beside(path, ids)
            return {p: s for p, s in found.items() if not self._made_here(p)}

    def _datasets(self, node: Any) -> list[str]:
        """Files that the datasets in nested values list."""
        if isinstance(node, (list, tuple)):
            return [path for child in node for path in self._datasets(child)]
        if not isinstance(node, Mapping):
            return []
        paths = [path for child in node.values() for path in self._datasets(child)]
        if 'type' in node and (kind := _dataset_type(node['type'])):
            key = digest({k: v for k, v in node.items() if k not in ('pipeline', 'metainfo')})
            if key not in self._listed:
                self._listed[key] = _list_files(kind, node)
            paths += self._listed[key]
        return paths

    def _folder(self, folder: str) -> dict[str, State]:
        """Size and time of each file by its name."""
        if folder not in self._folders:
            self._folders[folder] = {
                entry.name: [entry.stat().st_size, entry.stat().st_mtime_ns]
                for entry in (os.scandir(folder or '.') if os.path.isdir(folder or '.') else ())
                if entry.is_file()
            }
        return self._folders[folder]

    def _beside(self, folder: str, ids: set[str]) -> dict[str, State]:
        """Files below a folder that are named like listed images."""
        return {
            os.path.join(parent, name): state
            for parent, _, _ in os.walk(folder)
            for name, state in self._folder(parent).items()
            if _stem(name) in ids
        }

    def _file(self, path: str) -> State:
        state = os.stat(path)
        if state.st_size <= SMALL:
            return file_digest(path)
        return [state.st_size, state.st_mtime_ns]

    def _made_here(self, path: str) -> bool:
        return os.path.abspath(path).startswith(self._work_dir)


def describe_change(before: Mapping[str, State], now: Mapping[str, State]) -> str:
    """Which files differ between two looks, for people; empty if none does."""
    changed = [path for path in (*before, *now) if before.get(path) != now.get(path)]
    changed = list(dict.fromkeys(changed))
    if not changed:
        return ''
    path = changed[0]
    what = 'was removed' if path not in now else 'changed' if path in before else 'was added'
    return f'{path} {what}' + f' and {len(changed) - 1} more files' * (len(changed) > 1)


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def _dataset_type(kind: Any) -> type[BaseSegDataset] | None:
    found = DATASETS.get(kind) if isinstance(kind, str) else kind
    return found if inspect.isclass(found) and issubclass(found, BaseSegDataset) else None


def _list_files(kind: type[BaseSegDataset], cfg: Mapping) -> list[str]:
    arguments = {k: v for k, v in cfg.items() if k != 'type'}
    try:
        items = kind(**{**arguments, 'pipeline': [], 'lazy_init': True}).load_data_list()
    except Exception:  # whatever it is, the stage's tool meets it, too, and says where
        return []
    values = (value for item in items for value in item.values())
    return [value for value in values if isinstance(value, str) and os.path.basename(value)]


def _named(node: Any, root: str = '', inside: bool = False) -> Iterator[str]:
    """Files in nested values, and folders inside of datasets; relative ones also below a root."""
    if isinstance(node, Mapping):
        root = node.get('data_root') or root
        inside = inside or 'dataset' in node
        for key, value in node.items():
            if key not in NOT_READ and key != 'data_prefix':
                yield from _named(value, root, inside)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _named(value, root, inside)
    elif isinstance(node, (str, os.PathLike)) and re.search(r'\w', str(node)):
        for path in dict.fromkeys((str(node), os.path.join(root, node))):
            is_path = '/' in path or '.' in path
            if is_path and (os.path.isfile(path) or (inside and os.path.isdir(path))):
                yield path

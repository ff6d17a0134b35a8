"""Reading many files at once, with progress on the terminal."""

import os
import posixpath
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .progress import track

Item = TypeVar('Item')
Result = TypeVar('Result')


def map_files(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    label: str | None,
    workers: int | None = None,
) -> Iterator[Result]:
    """Apply a function to many items in parallel, showing progress.

    Threads do, as decoding images and reading files release the interpreter lock.

    Args:
        function (Callable): Reads one item; must not raise.
        items (Sequence): What to read.
        label (str): What the progress line counts, such as ``'masks'``; None shows
            none.
        workers (int, optional): Threads; default is the number of usable cores, at most 16.

    Yields:
        Result: In the order of the items.
    """
    pool = ThreadPoolExecutor(workers or min(usable_cores(), 16))
    try:
        results = pool.map(function, items)
        yield from results if label is None else track(results, label, len(items))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def usable_cores() -> int:
    """Cores this process may run on."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def find_missing(folder: str, names: Sequence[str]) -> list[str]:
    """Names of files that are not in a folder, found with one listing per subfolder.

    Args:
        folder (str): Local folder.
        names (Sequence[str]): File names relative to it, with ``/`` between folders.

    Returns:
        list[str]: The missing ones, in order; all of them where the folder does not exist.
    """
    wanted = defaultdict(set)
    for name in names:
        parent, base = posixpath.split(name)
        wanted[parent].add(base)
    missing = set()
    for parent, bases in wanted.items():
        try:
            with os.scandir(os.path.join(folder, parent)) as entries:
                absent = bases - {entry.name for entry in entries}
        except (FileNotFoundError, NotADirectoryError):
            absent = bases
        missing |= {posixpath.join(parent, base) for base in absent}
    return [name for name in names if name in missing]

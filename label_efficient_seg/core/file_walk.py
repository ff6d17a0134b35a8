"""Reading many files at once, with progress on the terminal."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .progress import track

Item = TypeVar('Item')
Result = TypeVar('Result')


def map_files(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    label: str,
    workers: int | None = None,
) -> Iterator[Result]:
    """Apply a function to many items in parallel, showing progress.

    Threads do, as decoding images and reading files release the interpreter lock.

    Args:
        function (Callable): Reads one item; must not raise.
        items (Sequence): What to read.
        label (str): What the progress line counts, such as ``'masks'``.
        workers (int, optional): Threads; default is the number of usable cores, at most 16.

    Yields:
        Result: In the order of the items.
    """
    pool = ThreadPoolExecutor(workers or min(usable_cores(), 16))
    try:
        yield from track(pool.map(function, items), label, len(items))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def usable_cores() -> int:
    """Cores this process may run on."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

"""Reading many files at once, with progress on the terminal."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

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
        yield from progress(pool.map(function, items), len(items), label)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def usable_cores() -> int:
    """Cores this process may run on."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def progress(results: Iterable[Result], total: int, label: str) -> Iterator[Result]:
    """Pass results on and write done, rate and time left to stderr.

    Args:
        results (Iterable): What to pass on.
        total (int): How many there are.
        label (str): What is counted.

    Yields:
        Result: Each result.
    """
    terminal = sys.stderr.isatty()
    # A terminal line is rewritten; in a log file every report is a line of its own.
    pause, end = (0.2, '\r') if terminal else (10.0, '\n')
    start = reported = time.monotonic()
    for done, result in enumerate(results, 1):
        now = time.monotonic()
        if now - reported >= pause:
            reported = now
            rate = done / (now - start)
            left = time.strftime('%H:%M:%S', time.gmtime((total - done) / rate))
            line = f'{label}: {done}/{total}, {rate:.0f} per second, {left} left'
            print(f'{line:<70}', end=end, file=sys.stderr, flush=True)
        yield result
    if terminal:
        print(' ' * 70, end='\r', file=sys.stderr, flush=True)

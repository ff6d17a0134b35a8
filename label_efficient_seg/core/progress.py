"""A one-line progress display for long work, on a terminal and in log files."""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO, TypeVar

from .errors import UserError

Item = TypeVar('Item')


class Progress:
    """Count finished items, from any thread; show share, rate and time left.

    On a terminal the line is redrawn in place, at most ten times a second. In a log file or a pipe
    a new line is written every ``log_interval`` seconds. Both end with a line that names the
    total time::

        with Progress(len(files), 'checking masks') as progress:
            for file in files:
                check(file)
                progress.update()

        checking masks:  420/1464 (28 %)  84.0/s  0:12 left

    Args:
        total (int): Number of items.
        label (str): What is being done.
        stream (TextIO, optional): Where to write. Defaults to ``sys.stderr``.
        log_interval (float): Seconds between lines when the stream is not a terminal.
        clock (Callable[[], float]): Monotonic time in seconds.
    """

    redraw_interval = 0.1

    def __init__(
        self,
        total: int,
        label: str,
        stream: TextIO | None = None,
        log_interval: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if total < 0:
            raise UserError(f'total must not be negative, but is {total}')
        self.total = total
        self.label = label
        self.done = 0
        self._stream = sys.stderr if stream is None else stream
        self._in_place = self._stream.isatty()
        self._interval = self.redraw_interval if self._in_place else log_interval
        self._clock = clock
        self._start = self._last_drawn = clock()
        self._drawn_width = 0
        self._closed = False
        self._lock = threading.Lock()

    def update(self, count: int = 1) -> None:
        """Add ``count`` finished items and show the line when it is due."""
        with self._lock:
            self.done += count
            now = self._clock()
            if now - self._last_drawn >= self._interval:
                self._last_drawn = now
                self._write(self._line(now), end='' if self._in_place else '\n')

    def print(self, line: str) -> None:
        """Print a line of text to the standard output, between two states of the display."""
        with self._lock:
            if self._in_place:
                self._write('', end='\r')
            print(line, flush=True)

    def close(self) -> None:
        """Write the last line: how many items in which time. Further calls do nothing."""
        if self._closed:
            return
        self._closed = True
        elapsed = self._clock() - self._start
        line = f'{self.label}: {self.done}/{self.total} in {format_seconds(elapsed)}'
        if self.done and elapsed > 0:
            line += f' ({_format_rate(self.done, elapsed)})'
        self._write(line, end='\n')

    def __enter__(self) -> 'Progress':
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _line(self, now: float) -> str:
        elapsed = now - self._start
        share = 100 * self.done // self.total if self.total else 100
        width = len(str(self.total))
        line = f'{self.label}: {self.done:>{width}}/{self.total} ({share:>2} %)'
        if self.done and elapsed > 0:
            line += f'  {_format_rate(self.done, elapsed)}'
        if 0 < self.done < self.total:
            line += f'  {format_seconds(elapsed / self.done * (self.total - self.done))} left'
        return line

    def _write(self, line: str, end: str) -> None:
        if self._in_place:
            # Blanks wipe the rest of a longer line drawn before.
            self._stream.write('\r' + line.ljust(self._drawn_width) + end)
            self._drawn_width = len(line)
        else:
            self._stream.write(line + end)
        self._stream.flush()


def track(items: Iterable[Item], label: str, total: int | None = None) -> Iterator[Item]:
    """Iterate over items and show the progress.

    Args:
        items (Iterable): The items; needs a length unless ``total`` is given.
        label (str): What is being done.
        total (int, optional): Number of items.

    Yields:
        The items.
    """
    with Progress(len(items) if total is None else total, label) as progress:
        for item in items:
            yield item
            progress.update()


def format_seconds(seconds: float) -> str:
    """``0:07``, ``12:34`` or ``1:02:03``, rounded to whole seconds."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f'{hours}:{minute:02}:{second:02}' if hours else f'{minute}:{second:02}'


def _format_rate(done: int, elapsed: float) -> str:
    if done >= elapsed:
        return f'{done / elapsed:.1f}/s'
    return f'{elapsed / done:.1f} s each'

"""Progress of long work: a bar on a terminal, a line now and then in log files."""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO, TypeVar

from mmengine.dist import is_main_process
from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from .errors import UserError

Item = TypeVar('Item')
Kind = TypeVar('Kind', bound='Progress')


class Progress:
    """Count finished items, from any thread; show share, rate and time left.

    A terminal shows a bar. In a log file or a pipe a new line is written every ``log_interval``
    seconds; its form is stable, since :class:`Workflow` reads it. Both end with a line that names
    the total time. Of several distributed processes only the first writes::

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
        self.total, self.label, self.done = total, label, 0
        self._stream = sys.stderr if stream is None else stream
        self._interval, self._clock = log_interval, clock
        self._start = self._last_line = clock()
        self._lock = threading.Lock()
        self._shown = is_main_process()
        self._bar = _start_bar(self) if self._shown else None

    def update(self, count: int = 1) -> None:
        """Add ``count`` finished items and show them when it is due."""
        with self._lock:
            self.done += count
            now = self._clock()
            if self._bar:
                self._bar.update(self._bar.task_ids[0], completed=self.done)
            elif self._shown and now - self._last_line >= self._interval:
                self._last_line = now
                lines = [self._counted() + self.rest(now), *self.details(now)]
                self._write('\n  '.join(lines))

    def print(self, line: str) -> None:
        """Print a line of text to the standard output, above the bar."""
        with self._lock:
            print(line, flush=True)

    def close(self) -> None:
        """Write the last line: how many items in which time. Further calls do nothing."""
        if not self._shown:
            return
        self._shown = False
        if self._bar:
            self._bar.stop()
        elapsed = self._clock() - self._start
        line = f'{self.label}: {self.done}/{self.total} in {format_seconds(elapsed)}'
        if self.done and elapsed > 0:
            line += f' ({format_rate(self.done, elapsed)})'
        self._write(line)

    def rest(self, now: float) -> str:
        """Rate and time left, as far as they are known.

        Args:
            now (float): Time of the clock.
        """
        text, elapsed = '', now - self._start
        if self.done and elapsed > 0:
            text += f'  {format_rate(self.done, elapsed)}'
        if 0 < self.done < self.total:
            text += f'  {format_seconds(elapsed / self.done * (self.total - self.done))} left'
        return text

    def details(self, now: float) -> list[str]:
        """Further lines, such as one for each thing in work; none by default.

        Args:
            now (float): Time of the clock.
        """
        return []

    def __enter__(self: Kind) -> Kind:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _counted(self) -> str:
        share = 100 * self.done // self.total if self.total else 100
        width = len(str(self.total))
        return f'{self.label}: {self.done:>{width}}/{self.total} ({share:>2} %)'

    def _write(self, line: str) -> None:
        self._stream.write(line + '\n')
        self._stream.flush()


def _start_bar(progress: Progress) -> Bar | None:
    """A bar on a terminal; None where lines have to do."""
    console = Console(file=progress._stream)
    # Rich takes pipes for terminals if FORCE_COLOR is set.
    if not (progress._stream.isatty() and console.is_interactive):
        return None
    bar = Bar(
        TextColumn('{task.description}', markup=False),
        BarColumn(),
        _Numbers(progress),
        console=console,
        get_time=progress._clock,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # otherwise the output goes to a file, and stays there
    )
    bar.add_task(progress.label, total=progress.total or 1)
    bar.start()
    return bar


class _Numbers(ProgressColumn):
    """What log files show, beside the bar."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def render(self, task: Task) -> Text:
        counted = self._progress._counted().removeprefix(f'{self._progress.label}: ')
        now = self._progress._clock()
        return Text('\n'.join([counted + self._progress.rest(now), *self._progress.details(now)]))


def track(items: Iterable[Item], label: str, total: int | None = None) -> Iterator[Item]:
    """Iterate over items and show the progress.

    Args:
        items (Iterable): The items; needs a length unless ``total`` is given.
        label (str): What is being done.
        total (int, optional): Number of items.

    Yields:
        The items.
    """
    count = len(items) if total is None else total  # type: ignore[arg-type]
    with Progress(count, label) as progress:
        for item in items:
            yield item
            progress.update()


def format_seconds(seconds: float) -> str:
    """``0:07``, ``12:34`` or ``1:02:03``, rounded to whole seconds."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f'{hours}:{minute:02}:{second:02}' if hours else f'{minute}:{second:02}'


def format_rate(done: int, elapsed: float) -> str:
    """``12.3/s``, or ``4.5 s each`` where that takes longer than a second."""
    if done >= elapsed:
        return f'{done / elapsed:.1f}/s'
    return f'{elapsed / done:.1f} s each'

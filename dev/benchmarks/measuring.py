"""What the benchmarks share: time, memory, tables, and files of results."""

import argparse
import json
import math
import multiprocessing
import os
import re
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch

from label_efficient_seg.core.atomic import write_atomically

MIB = 2**20


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of all benchmarks."""
    parser.add_argument('--threads', type=int, help="of PyTorch; default: PyTorch's choice")
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the results there, too')


def image_size(text: str) -> tuple[int, int]:
    """Parse WIDTHxHEIGHT."""
    width, height = text.split('x')
    return int(width), int(height)


def in_own_process(function: Callable, *arguments: Any) -> Any:
    """Result of a function that runs in a new process.

    Memory that one measurement has freed could otherwise serve the next unseen.
    """
    # Threads that spin while they wait take the cores from other jobs and, on a machine where there
    # are some, from each other: several times slower.
    os.environ.setdefault('OMP_WAIT_POLICY', 'passive')
    os.environ.setdefault('PYTHONWARNINGS', 'ignore')
    # Unlike a pool, it says so if the process gets killed.
    with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as executor:
        return executor.submit(function, *arguments).result()


def synchronize(device: str) -> None:
    """Wait for the device."""
    if device != 'cpu':
        torch.cuda.synchronize(device)


def timed(function: Callable, device: str = 'cpu', threads: int | None = None) -> float:
    """Seconds that a function takes; on one thread of a CPU, those of the processor."""
    clock = time.process_time if device == 'cpu' and threads == 1 else time.perf_counter
    synchronize(device)
    start = clock()
    function()
    synchronize(device)
    return clock() - start


def with_peak_memory(function: Callable, device: str) -> tuple[Any, float | None]:
    """Result of a function, and the largest memory during it minus that before, in MiB.

    On a CPU it is that of the process, and known on Linux only.
    """
    if device != 'cpu':
        synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        result = function()
        synchronize(device)
        return result, (torch.cuda.max_memory_allocated(device) - before) / MIB
    status = Path('/proc/self/status')
    if not status.exists():
        return function(), None

    def kilobytes(name: str) -> int:
        return int(re.search(rf'{name}:\s+(\d+)', status.read_text())[1])

    # Makes the kernel forget the peak so far.
    Path('/proc/self/clear_refs').write_text('5')
    before = kilobytes('VmRSS')
    result = function()
    return result, (kilobytes('VmHWM') - before) / 2**10


def growth_exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float | None:
    """The power of the size that the time grows with: the slope of a line through the logarithms.

    Args:
        sizes (Sequence[float]): Above 0.
        seconds (Sequence[float]): Of each size.

    Returns:
        float | None: By least squares; None if there are no two sizes.
    """
    if len(set(sizes)) < 2:
        return None
    logs = [[math.log(value) for value in values] for values in (sizes, seconds)]
    return statistics.linear_regression(*logs).slope


class Table:
    """Prints rows as they come, and remembers them.

    Args:
        columns (Mapping[str, str]): Heading and number format of each column, such as ``'.2f'``.
    """

    def __init__(self, columns: Mapping[str, str]) -> None:
        self.columns = columns
        self.rows: list[dict] = []
        self._print(columns)

    def add(self, **values: Any) -> None:
        """Print a row. Keys are the headings, with _ for blanks; what is missing or None is ``-``.

        Raises:
            KeyError: If there is no such column.
        """
        row = {key.replace('_', ' '): value for key, value in values.items()}
        if unknown := row.keys() - self.columns.keys():
            raise KeyError(f'the table has no columns {sorted(unknown)}')
        self.rows.append(row)
        cells = (
            '-' if row.get(name) is None else format(row[name], form)
            for name, form in self.columns.items()
        )
        self._print(cells)

    def _print(self, cells: Sequence[str]) -> None:
        widths = (max(len(name), 8) for name in self.columns)
        line = (f'{cell:>{width}}' for cell, width in zip(cells, widths, strict=True))
        print('  '.join(line), flush=True)


def write_results(args: argparse.Namespace, rows: Sequence[Mapping]) -> None:
    """Write the rows, the settings and the version of PyTorch to ``args.json``, if it is given."""
    if args.json is None:
        return
    settings = {name: value for name, value in vars(args).items() if name != 'json'}
    content = dict(settings=settings, torch=torch.__version__, cpus=os.cpu_count(), rows=rows)
    write_atomically(args.json, json.dumps(content, indent=2, default=str) + '\n')

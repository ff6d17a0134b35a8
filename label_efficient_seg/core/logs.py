"""Read the scalars that mmengine logs into a work folder."""

import json
import math
import os
from collections.abc import Iterator
from numbers import Real
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .atomic import write_atomically
from .errors import MissingFileError, UserError

NUMBER_FILE = 'start.json'
"""In each timestamp folder: how many starts of the run there were up to this one."""


class Series(NamedTuple):
    """One logged scalar over the iterations.

    Attributes:
        steps (np.ndarray): Iterations, shape (N,), int, increasing.
        values (np.ndarray): Shape (N,), float; NaN where NaN was logged.
    """

    steps: np.ndarray
    values: np.ndarray


def read_scalars(work_dir: str | os.PathLike) -> dict[str, Series]:
    """Read all training and validation scalars of a run, over all its resumes.

    Each start of a run leaves ``<work_dir>/<timestamp>/vis_data/scalars.json`` with one JSON record
    per line. Where a run was resumed from a checkpoint, iterations after that checkpoint were
    logged twice: what the later start logged counts, and records of an earlier start beyond the
    first iteration of the later one are dropped. An unfinished last line is skipped.

    Clocks go back, so starts are in the order of the numbers that :func:`number_start` gave them.
    Those without a number come first, in the order of their first iterations.

    Args:
        work_dir (str | os.PathLike): Work folder of one run, or one of its timestamp folders.

    Returns:
        dict[str, Series]: By logged name, without a ``train/`` or ``val/`` prefix. Empty if
        nothing was logged.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: If a line other than the last is not a JSON record.
    """
    merged: dict[str, dict[int, float]] = {}
    for start, records in _starts(Path(work_dir)):
        for series in merged.values():
            for step in [step for step in series if step >= start]:
                del series[step]
        for step, record in records:
            for name, value in record.items() if step else ():  # a separate validation logs step 0
                if name not in ('step', 'iter', 'epoch') and _is_number(value):
                    name = name.removeprefix('train/').removeprefix('val/')
                    merged.setdefault(name, {})[step] = float(value)
    return {name: _to_series(points) for name, points in sorted(merged.items()) if points}


def read_test_metrics(work_dir: str | os.PathLike) -> dict[str, float]:
    """Read the metrics of the latest test that logged into a work folder.

    Args:
        work_dir (str | os.PathLike): Work folder of a run or of a test.

    Returns:
        dict[str, float]: By name, without times; empty if no test was finished there.
    """
    metrics: dict[str, float] = {}
    for folder in _timestamp_folders(Path(work_dir)):
        file = folder / f'{folder.name}.json'
        if not file.is_file():
            continue
        try:
            content = json.loads(file.read_text('utf-8'))
        except (ValueError, RecursionError):  # the test was killed while it wrote
            continue
        if not isinstance(content, dict):
            continue
        metrics = {
            name.removeprefix('test/'): float(value)
            for name, value in content.items()
            if _is_number(value) and name.split('/')[-1] not in ('time', 'data_time')
        }
    return metrics


def number_start(log_dir: str | os.PathLike) -> int:
    """Note in a timestamp folder that it is the latest one of its work folder.

    Args:
        log_dir (str | os.PathLike): The folder of this start; it need not exist.

    Returns:
        int: 1 for the first start, ...
    """
    log_dir = Path(log_dir)
    folders = log_dir.parent.iterdir() if log_dir.parent.is_dir() else ()
    number = 1 + max(map(_number, folders), default=0)
    write_atomically(log_dir / NUMBER_FILE, str(number))
    return number


def _number(folder: Path) -> int:
    """Number of a start; 0 without one."""
    file = folder / NUMBER_FILE
    text = file.read_text('utf-8', errors='replace').strip() if file.is_file() else ''
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _timestamp_folders(work_dir: Path) -> list[Path]:
    """Folders of starts, in the order of their numbers, and without numbers of their names."""
    if not work_dir.is_dir():
        raise MissingFileError(f"work folder '{work_dir}' does not exist")
    work_dir = work_dir.resolve()
    folders = [folder for folder in (work_dir, *work_dir.iterdir()) if folder.is_dir()]
    return sorted(folders, key=lambda folder: (_number(folder), folder.name))


def _starts(work_dir: Path) -> list[tuple[float, list[tuple[int, dict]]]]:
    """First iteration and records of each start, in their order."""
    starts = []
    for folder in _timestamp_folders(work_dir):
        for name in ('scalars.json', f'{folder.name}.json'):
            if (folder / 'vis_data' / name).is_file():
                records = list(_read_records(folder / 'vis_data' / name))
                # Only training records tell where a start began. One without any made up for the
                # last validation.
                steps = (step for step, record in records if 'iter' in record)
                starts.append((_number(folder), min(steps, default=math.inf), records))
                break
    starts.sort(key=lambda start: (start[0], 0 if start[0] else start[1]))
    return [start[1:] for start in starts]


def _read_records(file: Path) -> Iterator[tuple[int, dict]]:
    lines = file.read_text('utf-8', errors='replace').splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            if number == len(lines):  # the run was killed while it wrote, or is writing now
                return
            raise UserError(f"line {number} of '{file}' is not JSON: {line[:80]!r}") from error
        if isinstance(record, dict) and 'step' in record:
            yield int(record['step']), record


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _to_series(points: dict[int, float]) -> Series:
    steps = sorted(points)
    return Series(np.array(steps), np.array([points[step] for step in steps], float))

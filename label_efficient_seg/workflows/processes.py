"""Commands that run side by side, each with a log of its own."""

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from ..core.atomic import open_own
from ..core.errors import RunError, UserError
from ..core.file_walk import usable_cores


class Processes:
    """Runs commands, from any thread, until it is told to stop or killed.

    Args:
        inherited (Sequence[int]): File descriptors that the commands hold open while they live.
    """

    def __init__(self, inherited: Sequence[int] = ()) -> None:
        self._inherited = tuple(inherited)
        self._running: set[subprocess.Popen] = set()
        self._stopped = False
        self._lock = threading.Lock()

    def run(
        self,
        command: Sequence[str],
        log: Path,
        on_line: Callable[[str], None],
        environment: Mapping[str, str],
    ) -> None:
        """Run a command to its end.

        Args:
            command (Sequence[str]): Program and arguments.
            log (Path): File that its output is appended to.
            on_line (Callable[[str], None]): Called with each line of its output.
            environment (Mapping[str, str]): Environment variables.

        Raises:
            RuntimeError: If it fails; it names the command, the log and the log's last lines.
        """
        with open_own(log) as file:
            process = self._start(command, environment)
            try:
                for line in process.stdout:  # type: ignore[union-attr]
                    file.write(line)
                    on_line(line)
            finally:
                process.stdout.close()  # type: ignore[union-attr]
                process.wait()
                with self._lock:
                    self._running.discard(process)
        if process.returncode:
            raise RunError(
                f'{shlex.join(command)} {_ending(process.returncode)}; see {log}. '
                f'It ended with:\n{log_tail(log)}'
            )

    def environments(self, jobs: int, processes: int = 1) -> list[dict[str, str]]:
        """As :func:`job_environments`."""
        return job_environments(jobs, processes)

    def stop(self) -> None:
        """Terminate what runs; nothing can be run afterwards."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.terminate()

    def _start(self, command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen:
        with self._lock:
            if self._stopped:
                raise RunError(f'{shlex.join(command)} was not started: interrupted')
            process = subprocess.Popen(
                tied_to_parent(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding='utf-8',
                errors='replace',
                env=dict(environment),
                pass_fds=self._inherited,
            )
            self._running.add(process)
        return process


def tied_to_parent(command: Sequence[str]) -> list[str]:
    """The command by way of a program that lets it end with this process, however that ends."""
    # A function between fork and exec would do the same, but may hang where there are threads.
    program = str(Path(__file__).with_name('die_with_parent.py'))
    return [sys.executable, '-S', '-E', program, str(os.getpid()), *command]


def log_tail(log: Path, lines: int = 5) -> str:
    """Last lines of a log.

    Args:
        log (Path): The file.
        lines (int): How many.
    """
    return '\n'.join(log.read_text('utf-8', errors='replace').splitlines()[-lines:])


def _ending(status: int) -> str:
    if status > 0:
        return f'failed with status {status}'
    try:
        return f'was killed by {signal.Signals(-status).name}'
    except ValueError:
        return f'was killed by signal {-status}'


def job_environments(jobs: int, processes: int = 1) -> list[dict[str, str]]:
    """Environment variables for commands that run side by side.

    Args:
        jobs (int): Commands at a time.
        processes (int): Processes of each; with GPUs, one GPU per process.

    Returns:
        list[dict[str, str]]: One for each of the ``jobs``, with its share of the CPU cores, and of
        the GPUs if there are several jobs.

    Raises:
        ValueError: If a command has more processes than there are GPUs.
    """
    # The same number of threads whatever else runs: on it depends how sums are rounded.
    threads = max(1, usable_cores() // (jobs * processes))
    environment = {'OMP_NUM_THREADS': str(threads), **os.environ}
    devices = [str(index) for index in range(torch.cuda.device_count())]
    if devices and processes > len(devices):
        raise UserError(f'{processes} processes need as many GPUs, but there are {len(devices)}')
    if jobs == 1 or not devices:
        return [environment] * jobs
    if visible := os.environ.get('CUDA_VISIBLE_DEVICES'):
        devices = visible.split(',')[: len(devices)]
    starts = range(0, len(devices) - processes + 1, processes)
    groups = [','.join(devices[start : start + processes]) for start in starts]
    return [{**environment, 'CUDA_VISIBLE_DEVICES': groups[i % len(groups)]} for i in range(jobs)]

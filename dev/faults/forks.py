"""Runs tools in forks of a process that has imported all: every start of Python costs seconds."""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import thread
from pathlib import Path
from types import SimpleNamespace

from label_efficient_seg.workflows import Workflow, processes

FORK = multiprocessing.get_context('fork')


def _run_tool(
    command: Sequence[str], environment: Mapping[str, str], output: int, before: Callable | None
) -> None:
    # The thread that began this fork is its main one, which would wait for itself at the end.
    thread._threads_queues.clear()
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(environment)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    is_module = command[1] == '-m'
    sys.argv = list(command[2 if is_module else 1 :])
    if before:
        before()
    (runpy.run_module if is_module else runpy.run_path)(sys.argv[0], run_name='__main__')


class ForkedTool:
    """Stands for ``subprocess.Popen`` of ``[python, -m, module, *arguments]``, or of a script.

    Args:
        command (Sequence[str]): The command.
        env (Mapping[str, str]): Environment variables.
        before (Callable, optional): Called in the fork before the tool runs.
        **_: Other arguments of ``Popen``, which are always the same.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        before: Callable[[], None] | None = None,
        **_: object,
    ) -> None:
        reader, writer = os.pipe()
        self._process = FORK.Process(target=_run_tool, args=(command, env, writer, before))
        self._process.start()
        os.close(writer)
        self.stdout = open(reader, encoding='utf-8', errors='replace')

    @property
    def returncode(self) -> int | None:
        """Status, or the negative number of the signal that killed it."""
        return self._process.exitcode

    def wait(self) -> None:
        """Wait for its end."""
        self._process.join()

    def kill(self) -> None:
        """Kill it, if it still runs."""
        self._process.kill()

    terminate = kill


class WorkflowRun:
    """A workflow whose stages are forks, in a process group of its own.

    Args:
        stages (Sequence[dict]): Stages of the workflow.
        work_dir (Path): Its folder.
        log (Path): File that its output is appended to.
    """

    def __init__(self, stages: Sequence[dict], work_dir: Path, log: Path) -> None:
        self.process = FORK.Process(target=_run_workflow, args=(stages, work_dir, log))
        self.process.start()

    def kill(self) -> bool:
        """Kill all its processes at once.

        Returns:
            bool: Whether it was still running.
        """
        running = self.process.is_alive()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:  # it has ended, or has not begun
            self.process.kill()
        self.process.join()
        return running


def _run_workflow(stages: Sequence[dict], work_dir: Path, log: Path) -> None:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    processes.subprocess = SimpleNamespace(**{**vars(subprocess), 'Popen': ForkedTool})
    processes.tied_to_parent = list  # forks are killed with their group
    Workflow(stages, work_dir).run(jobs=1)

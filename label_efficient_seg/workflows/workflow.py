"""Stages that hand files on to each other, over several seeds, in one folder."""

import fcntl
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import torch
from mmengine.config import Config

from ..core.atomic import open_own
from ..core.config_index import get_config_path
from ..core.errors import RunError, UserError
from ..core.file_walk import usable_cores
from ..core.progress import format_seconds
from ..core.suggest import did_you_mean
from ..core.tables import print_table
from .data_files import DataFiles
from .node import Node, build_nodes
from .processes import Processes
from .scheduler import run_graph
from .slurm_jobs import SlurmJobs
from .stage_folder import State
from .stage_progress import StageProgress, finished_seconds
from .stages import Result
from .verdicts import CLASS_IOU


class Workflow:
    """Stages, each run once per seed, or once for all seeds.

    A stage runs when what it refers to is finished. Finished stages are not repeated, interrupted
    ones are resumed. What was made from another config, other settings, other data or another run
    of an input is stale: its folder is renamed, and the stage runs again.

    Args:
        stages (Sequence[dict]): Settings of each: ``name``, ``type``, ``per_seed`` (True if
            absent) and the arguments of the type, in which ``{name.output}`` stands for what
            another stage leaves.
        work_dir (str | Path): Folder for ``<name>_seed<seed>``, or ``<name>`` if all seeds share
            the stage, and for the report.
        seeds (Sequence[int]): Random seeds. A shared stage has seed 0.
        results (Sequence[str], optional): Stages to compare by their mIoU; the first is the
            baseline. ``stage.metric`` names another metric of a stage. All stages, if absent.
        title (str): Title of the report.
        introduction (str): Text below it.
        cfg_options (dict, optional): Added to those of every stage that takes any.
        amp (bool): Mixed precision in every training.

    Raises:
        ValueError: If stages are misspelt, unknown, of the same name, refer to what no stage
            leaves, or wait for each other.
        FileNotFoundError: If a config does not exist.
    """

    def __init__(
        self,
        stages: Sequence[dict],
        work_dir: str | Path,
        seeds: Sequence[int] = (0,),
        results: Sequence[str] | None = None,
        title: str = 'Workflow',
        introduction: str = '',
        cfg_options: dict | None = None,
        amp: bool = False,
    ) -> None:
        self.work_dir, self.title, self.introduction = Path(work_dir), title, introduction
        self.seeds = list(dict.fromkeys(seeds))
        self.nodes = build_nodes(stages, self.seeds, self.work_dir, cfg_options or {}, amp)
        self.names = list(dict.fromkeys(node.name for node in self.nodes))
        self.results = list(self.names if results is None else results)
        self._known([result.partition('.')[0] for result in self.results])

    @classmethod
    def from_file(cls, path: str, work_dir: str | Path | None = None, **kwargs: Any) -> 'Workflow':
        """Read a ``workflow_*.py``.

        Args:
            path (str): File, or name of a shipped one such as ``advsemi/workflow_toy``.
            work_dir (str | Path, optional): Defaults to ``work_dirs/<name of the file>``.
            **kwargs: ``seeds``, ``cfg_options`` and ``amp``.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it lists no stages.
        """
        file = Path(path) if Path(path).is_file() else get_config_path(path)
        content = Config.fromfile(file).to_dict()
        if not content.get('stages'):
            raise UserError(f'{file} is no workflow: it lists no `stages`')
        names = ('stages', 'results', 'title', 'introduction')
        settings = {name: content[name] for name in names if name in content}
        return cls(work_dir=work_dir or Path('work_dirs', file.stem), **settings, **kwargs)

    def states(self, again: str | None = None) -> dict[Node, State]:
        """How far each stage is.

        Args:
            again (str, optional): Name of a stage to run again even if it is finished.
        """
        self._known([again] if again else [])
        states: dict[Node, State] = {}
        data = DataFiles(self.work_dir)
        for node in self.nodes:
            inputs = {
                i.name: i.folder.record['run'] if states[i].name == 'finished' else None
                for i in node.inputs
            }
            states[node] = node.state(inputs, data)
            if node.name == again and states[node].name != 'missing':
                states[node] = State('stale', 'asked for again')
        return states

    def run(
        self,
        jobs: int | None = None,
        processes: int = 1,
        again: str | None = None,
        only: Sequence[str] | None = None,
        slurm: SlurmJobs | None = None,
    ) -> None:
        """Run what is not finished, and print the metrics of each stage.

        Args:
            jobs (int, optional): Stages at a time. Defaults to 1 with a GPU, else to the number of
                CPU cores: small networks gain little from several threads.
            processes (int): Processes of each stage that can be distributed. They change the
                batch size, but do not make a finished stage stale.
            again (str, optional): Stage to run again even if it is finished, and with it all that
                depend on it.
            only (Sequence[str], optional): Run no other stages than these.
            slurm (SlurmJobs, optional): Runs the stages on a cluster, by default all that can run.

        Raises:
            ValueError: If an unknown stage is named, or ``only`` leaves out an input that is not
                finished.
            RuntimeError: If a stage fails, or something already runs in this folder.
        """
        if not jobs and slurm:
            jobs = len(self.nodes)
        jobs = jobs or (1 if torch.cuda.is_available() else max(1, usable_cores() // processes))
        jobs = min(jobs, len(self.nodes))
        with self._lock() as lock:
            selected = self.select(self.states(again), only)
            for node in selected:
                if node.name == again and node.folder.path.exists():
                    node.folder.set_aside()
            with StageProgress(selected, jobs, finished_seconds(self.nodes)) as progress:
                data = DataFiles(self.work_dir)
                commands = slurm or Processes([lock])
                runner = _Runner(commands, progress, data, jobs, processes)
                run_graph(
                    {node: node.inputs for node in selected},
                    runner.run,
                    jobs,
                    on_failure=runner.say_failure,
                    on_interruption=runner.processes.stop,
                )

    def _known(self, names: Sequence[str]) -> list[str]:
        for name in names:
            if name not in self.names:
                raise UserError(f'there is no stage {name!r}; {did_you_mean(name, self.names)}')
        return list(names)

    def select(self, states: Mapping[Node, State], only: Sequence[str] | None) -> list[Node]:
        """Nodes that :meth:`run` runs, by what :meth:`states` found; it raises the same errors."""
        names = self.names if only is None else self._known(only)
        selected = [n for n, s in states.items() if s.name != 'finished' and n.name in names]
        for node in selected:
            for i in node.inputs:
                if states[i].name != 'finished' and i not in selected:
                    raise UserError(
                        f'{node.label} needs {i.label}, which is {states[i].name} and would not '
                        f'run; add {i.name} to --only'
                    )
        return selected

    @contextmanager
    def _lock(self) -> Iterator[int]:
        """Hold a lock on the folder; what inherits its file descriptor holds it too.

        So a stage that outlives a killed workflow keeps a second one from writing into its folder.
        """
        self.work_dir.mkdir(parents=True, exist_ok=True)
        with open_own(self.work_dir / '.lock') as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError(
                    f'a workflow, or a stage that it began, is running in {self.work_dir}; wait '
                    'for it or end it first'
                ) from None
            yield file.fileno()


class _Runner:
    """Runs single nodes, from several threads."""

    def __init__(
        self,
        commands: Processes | SlurmJobs,
        progress: StageProgress,
        data: DataFiles,
        jobs: int,
        processes: int,
    ) -> None:
        self.processes, self.progress, self.number = commands, progress, processes
        self.data = data
        self.environments: SimpleQueue[dict] = SimpleQueue()
        for environment in commands.environments(jobs, processes):
            self.environments.put(environment)

    def run(self, node: Node) -> None:
        """Run one node whose inputs are finished."""
        inputs = {i.name: i.folder.record['run'] for i in node.inputs}
        if node.state(inputs, self.data).name == 'stale':
            node.folder.set_aside()
        stage = node.resolved()
        command = node.command(stage, self.number, sys.executable)
        node.folder.begin(node.definition, inputs, node.files(self.data))
        environment = self.environments.get()
        self.progress.begin(node)

        def show(line: str) -> None:
            if match := stage.progress.search(line):
                self.progress.advance(node, int(match[1]), int(match[2]))

        try:
            self.processes.run(command, node.folder.log, show, environment)
        finally:
            self.environments.put(environment)
        result = stage.collect(node.folder.path)
        self._check(node, result)
        record = node.folder.finish(
            outputs={k: os.path.relpath(v, node.folder.path) for k, v in result.outputs.items()},
            metrics=result.metrics,
            note=result.note,
            command=shlex.join(node.command(stage, self.number)),
        )
        self.progress.finish(node, record['seconds'])
        duration = format_seconds(record['seconds'])
        self.progress.print(f'[{node.label}] {describe_metrics(record)} ({duration})')

    def say_failure(self, node: Node, error: BaseException) -> None:
        """Say at once what is raised only when the other stages have ended."""
        self.progress.fail(node)
        self.progress.print(
            f'[{node.label}] failed, see {node.folder.log}; what runs is left to end'
        )

    def _check(self, node: Node, result: Result) -> None:
        for name in node.stage.outputs:
            if name not in result.outputs or not result.outputs[name].exists():
                raise RunError(
                    f'{node.label} ended without error, but left no {name} '
                    f'({result.outputs.get(name)}); see {node.folder.log}'
                )


def describe_metrics(record: dict) -> str:
    """Metrics and note of a finished stage in one line, without those of single classes."""
    metrics = ', '.join(
        f'{name} {value:.4g}' if isinstance(value, float) else f'{name} {value}'
        for name, value in record['metrics'].items()
        if not name.startswith(CLASS_IOU)
    )
    return f'{metrics} {record["note"]}'.strip() or 'finished'


def print_states(
    workflow: Workflow,
    again: str | None = None,
    processes: int = 1,
    only: Sequence[str] | None = None,
) -> None:
    """Write how far each stage is, and its command, to the console.

    Args:
        workflow (Workflow): The workflow.
        again (str, optional): Stage to run again even if it is finished.
        processes (int): Of each stage that can be distributed.
        only (Sequence[str], optional): Show no other stages than these.

    Raises:
        ValueError: As for :meth:`Workflow.run`.
    """
    states = workflow.states(again)
    workflow.select(states, only)
    rows = [
        [node.name, node.seed, *state, shlex.join(node.command(processes=processes))]
        for node, state in states.items()
        if only is None or node.name in only
    ]
    print_table(['stage', 'seed', 'state', 'why', 'command'], rows, lines=False)

"""Kills workflows at random moments, and looks at what is left."""

import fcntl
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from label_efficient_seg.core.progress import Progress
from label_efficient_seg.workflows import Workflow
from label_efficient_seg.workflows.node import Node

from .evidence import differences, half_written, inventory, lost_files
from .forks import WorkflowRun
from .outcome import Outcome

POLL = 0.005


def run_undisturbed(stages: Sequence[dict], work_dir: Path) -> Workflow:
    """Run a workflow to its end; what is finished is not repeated.

    Raises:
        RuntimeError: If it fails.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    log = work_dir.with_suffix('.log')
    run = WorkflowRun(stages, work_dir, log)
    _join(run)
    if run.process.exitcode:
        raise RuntimeError(f'the undisturbed workflow failed, see {log}')
    return Workflow(stages, work_dir)


def kill_workflows(
    stages: Sequence[dict],
    reference: Workflow,
    folder: Path,
    kills: int,
    random: Random,
    outcome: Outcome,
    progress: Progress,
) -> None:
    """Kill runs of a workflow, each of them once in every stage, until there were enough kills.

    Args:
        stages (Sequence[dict]): Stages of the workflow.
        reference (Workflow): Of an undisturbed run.
        folder (Path): For the disturbed runs; those that ended well are deleted.
        kills (int): Number of kills.
        random (Random): Chooses their moments.
        outcome (Outcome): Is told what was found.
        progress (Progress): Counts the kills.
    """
    number = 0
    while outcome.tried < kills:
        number += 1
        work_dir = folder / f'killed_{number}'
        shutil.rmtree(work_dir, ignore_errors=True)
        work_dir.mkdir(parents=True)
        nodes = Workflow(stages, work_dir).nodes
        left = min(kills - outcome.tried, len(nodes))
        chosen = sorted(random.sample(range(len(nodes)), left))
        moments = [random.uniform(0, _seconds(reference.nodes[i])) for i in chosen]
        before = len(outcome.notes)
        files = {}
        for index, moment in zip(chosen, moments, strict=True):
            run = WorkflowRun(stages, work_dir, work_dir.with_suffix('.log'))
            if not _kill(run, nodes[index], moment):
                break  # it was faster this time
            _wait_for_others(work_dir)
            outcome.tried += 1
            progress.update()
            files = _inspect(work_dir, files, outcome, f'{nodes[index].label} + {moment:.2f} s')
            time.sleep(1)  # as starting Python takes; folders of logs are named by the second
        run = WorkflowRun(stages, work_dir, work_dir.with_suffix('.log'))
        _join(run)
        _finish(run, work_dir, files, reference, outcome)
        if len(outcome.notes) == before:
            shutil.rmtree(work_dir)


def _seconds(node: Node) -> float:
    return node.folder.record['seconds']


def _kill(run: WorkflowRun, node: Node, moment: float) -> bool:
    """Kill a run a while after it begins with a stage, or at once if that is finished."""
    start, attempt = time.time(), node.folder.path / 'attempt.json'
    try:
        while run.process.is_alive() and not node.folder.record:
            if attempt.exists() and attempt.stat().st_mtime > start:
                break
            time.sleep(POLL)
        run.process.join(moment)
    finally:
        killed = run.kill()
    return killed


def _wait_for_others(work_dir: Path) -> None:
    """Until the last killed process is gone: it holds the lock till then."""
    with open(work_dir / '.lock', 'w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def _inspect(work_dir: Path, before: dict, outcome: Outcome, moment: str) -> dict:
    """Count what a kill has lost; what is there now."""
    after = inventory(work_dir)
    found = [f'{name} is lost' for name in lost_files(before, after)] + half_written(work_dir)
    outcome.lost += len(found)
    outcome.survived += not found
    outcome.notes += [f'{work_dir.name}, killed in {moment}: {text}' for text in found]
    return after


def _finish(
    run: WorkflowRun, work_dir: Path, files: dict, reference: Workflow, outcome: Outcome
) -> None:
    outcome.runs += 1
    if run.process.exitcode:
        found = [f'ended with status {run.process.exitcode}, see {work_dir}.log']
    else:
        found = [f'{name} is lost' for name in lost_files(files, inventory(work_dir))]
        outcome.lost += len(found)
        found += differences(reference.work_dir, work_dir)
    outcome.equal += not found
    outcome.notes += [f'{work_dir.name}, resumed: {text}' for text in found]


def _join(run: WorkflowRun) -> None:
    try:
        run.process.join()
    finally:
        run.kill()  # if this process was interrupted

"""The fault drill: every method, every fault."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random

from label_efficient_seg.core.progress import Progress
from label_efficient_seg.core.suggest import did_you_mean
from label_efficient_seg.workflows import Workflow

from .evidence import differences, half_written, inventory, lost_files
from .half_way import Case
from .kills import kill_workflows, run_undisturbed
from .outcome import Outcome, format_table, write_outcomes
from .single_faults import FAULTS, Fault, inverted_images
from .small_workflow import list_methods, small_stages

# Where faults of data and processes happen; another method's last training, if it is not listed.
TRAININGS = dict(
    advsemi='advsemi',
    affinitynet='segmentor',
    deconvnet='proposals',
    intrada='intrada',
    sign='transfer',
)
KILL, CHANGED_DATA = 'kill', 'changed_data'


def run_drill(
    methods: Sequence[str] | None,
    faults: Sequence[str] | None,
    kills: int,
    seed: int,
    work_dir: Path,
    out: Path,
) -> bool:
    """Disturb the methods, and print and write what came of it.

    Args:
        methods (Sequence[str], optional): All that there are, if absent.
        faults (Sequence[str], optional): Likewise.
        kills (int): Kills per method.
        seed (int): Seed of their moments.
        work_dir (Path): Folder of all runs. Undisturbed ones are not repeated, and disturbed ones
            are kept only if something was wrong.
        out (Path): File for what was found; written after every fault.

    Returns:
        bool: Whether all was as it should be.

    Raises:
        ValueError: If there is no such method or fault.
        RuntimeError: If an undisturbed run fails.
    """
    methods = _chosen(methods, list_methods(), 'method')
    faults = _chosen(faults, [KILL, CHANGED_DATA, *(fault.name for fault in FAULTS)], 'fault')
    total = len(methods) * (len(faults) - (KILL in faults) + (KILL in faults) * kills)
    outcomes: list[Outcome] = []
    with Progress(total, 'faults') as progress:
        for method in methods:
            folder = work_dir / method
            stages = small_stages(method, work_dir / 'configs')
            reference = run_undisturbed(stages, folder / 'undisturbed')
            for name in faults:
                outcome = Outcome(method, name)
                if name == KILL:
                    random = Random(f'{seed} {method}')
                    kill_workflows(stages, reference, folder, kills, random, outcome, progress)
                elif name == CHANGED_DATA:
                    _change_data(reference, work_dir / 'cache', outcome)
                    progress.update()
                else:
                    fault = next(fault for fault in FAULTS if fault.name == name)
                    _try_fault(fault, reference, folder, outcome)
                    progress.update()
                outcomes += [outcome] if outcome.tried else []  # not all work image by image
                write_outcomes(out, outcomes, kills=kills, seed=seed)
                for note in outcome.notes:
                    progress.print(f'[{method}, {name}] {note}')
    print(format_table(outcomes))
    return all(outcome.sound for outcome in outcomes)


def _chosen(names: Sequence[str] | None, known: Sequence[str], kind: str) -> list[str]:
    for name in names or ():
        if name not in known:
            raise ValueError(f'there is no {kind} {name!r}; {did_you_mean(name, known)}')
    return list(names or known)


def _change_data(reference: Workflow, data: Path, outcome: Outcome) -> None:
    """Invert the images of a finished workflow, whose stages then are not finished any more."""
    images = [path for node in reference.nodes for path in Case(reference, node, data).images]
    with inverted_images(sorted(set(images))):
        changed = {state.name for state in reference.states().values()}
    restored = {state.name for state in reference.states().values()}
    outcome.tried, outcome.survived = 1, int('finished' not in changed)
    outcome.runs, outcome.equal = 1, int(restored == {'finished'})
    outcome.notes.append(f'{", ".join(sorted(changed))}; restored: {", ".join(sorted(restored))}')


def _try_fault(fault: Fault, reference: Workflow, folder: Path, outcome: Outcome) -> None:
    """Let the stages of a method that it concerns meet a fault half-way, and resume them."""
    cases = [Case(reference, node, folder.parent / 'cache') for node in reference.nodes]
    if fault.images:
        cases = [case for case in cases if case.writes_images]
    else:
        trainings = {case.node.name: case for case in cases if case.trains}
        method = folder.name
        cases = [trainings[TRAININGS.get(method, list(trainings)[-1])]]
    for case in cases:
        work_dir = folder / f'{fault.name}_{case.node.name}'
        found = _meet(fault, case, work_dir, outcome)
        outcome.notes += [f'{case.node.name}: {text}' for text in found]
        if len(found) == 1:  # the message
            shutil.rmtree(work_dir)


def _meet(fault: Fault, case: Case, work_dir: Path, outcome: Outcome) -> list[str]:
    """Let one stage meet a fault; the message, and what is wrong."""
    expected = case.reference
    if fault.processes > 1:
        # Statistics of batches depend on the number of processes.
        expected = work_dir.with_name(f'{work_dir.name}_undisturbed')
        case.prepare(expected, fault.fresh)
        case.run(expected, processes=fault.processes)
    case.prepare(work_dir, fault.fresh)
    before = inventory(work_dir)
    with fault.damage(case, work_dir):
        status, output = case.run(work_dir, fault.before, fault.workers, fault.processes)
    wrong = [f'{name} is lost' for name in lost_files(before, inventory(work_dir))]
    wrong += [] if fault.harmless and status else half_written(work_dir)
    outcome.lost += len(wrong)
    message, complaints = fault.judge(status, output)
    wrong += complaints
    outcome.tried += 1
    outcome.survived += not wrong
    if not fault.harmless:
        status, output = case.run(work_dir, processes=fault.processes)
    differing = differences(expected, work_dir) if not status else [f'resumed: {output[-2000:]}']
    if fault.aside:
        differing = [text for text in differing if not re.match(fault.aside, text)]
    outcome.runs += 1
    outcome.equal += not differing
    return [message, *wrong, *differing]

"""Reports of a workflow, and of the work folders of any trainings."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..core.atomic import write_atomically
from ..core.errors import UserError
from ..core.logs import Series, read_scalars, read_test_metrics
from ..core.progress import format_seconds
from ..visualization import (
    CURVE_GROUPS,
    CurveGroup,
    groups_with_data,
    mean_and_range,
    plot_curves,
)
from .html_report import Report
from .pictures import add_extremes, add_same_images, find_predictions
from .results import Results
from .run_measurements import SEED, measure_runs
from .verdicts import judge, next_steps
from .workflow import Workflow, describe_metrics

# Metrics that lead the tables, in this order; others follow by name.
_METRIC_ORDER = ('mIoU', 'mAcc', 'aAcc')
_NOT_A_METRIC = {'time', 'data_time', 'memory', 'grad_norm'}


def write_report(workflow: Workflow, num_images: int = 6) -> Path:
    """Write ``report.html``, self-contained, and ``results.json`` and ``comparison.png``.

    Each result predicts up to 100 validation images; the files stay in its folder.

    Args:
        workflow (Workflow): The workflow; its finished stages are reported.
        num_images (int): Validation images to show with the predictions of every result.

    Returns:
        Path: The report.
    """
    results = Results(workflow)
    finished = results.finished
    metrics = {
        name: {node.seed or 0: node.folder.record['metrics'] for node in nodes}
        for name, nodes in finished.items()
    }
    write_atomically(workflow.work_dir / 'results.json', json.dumps(metrics, indent=2))
    report = Report(workflow.title, workflow.introduction)
    _add_verdicts(report, results)
    headers, rows = results.table(bold=True)
    if rows:
        report.heading('Results')
        report.table(
            headers,
            rows,
            'mIoU, or the metric that is named, in percent: mean and sample standard deviation '
            'over seeds. Differences are to the first run with the same metric of the same images, '
            'seed by seed: their mean ± its standard error, and for how many seeds the run is '
            "better/worse. Bold: the 95 % confidence interval of the mean (Student's t) leaves "
            'out 0. Minutes of one seed.',
        )
    headers, rows = results.class_table(bold=True)
    if rows:
        report.table(
            headers,
            rows,
            'IoU of each class in percent: the mean of the first run over its seeds, and the '
            'differences of the others to it, as above. Of classes that do not differ, one in '
            'twenty is bold by chance.',
        )
    groups = find_predictions(finished)
    for group in groups[:1]:
        add_extremes(report, group, workflow.seeds[0])
    add_same_images(report, groups, workflow.work_dir, num_images, workflow.seeds[0])
    folders = {k: [n.folder.path for n in nodes] for k, nodes in finished.items() if nodes}
    _add_curves(report, {k: [read_scalars(f) for f in v] for k, v in folders.items()})
    _add_panels(report, {k: latest_panels(v[0])[:3] for k, v in folders.items()})
    _add_stages(report, results)
    return report.save(workflow.work_dir / 'report.html')


def _add_verdicts(report: Report, results: Results) -> None:
    verdicts = results.verdicts
    steps = next_steps(verdicts, len(results.workflow.seeds))
    if verdicts:
        report.heading('What the runs show')
        report.text('\n'.join(f'- {verdict.sentence}' for verdict in verdicts))
    if steps:
        report.text('### What to do next')
        report.text('\n'.join(f'- {step}' for step in steps))


def _add_stages(report: Report, results: Results) -> None:
    """Table of all stages, what they show, and their commands."""
    rows, commands, shown = [], [], []
    for node, state in results.states.items():
        row = [node.name, node.seed, ' '.join(filter(None, [state.name, state.why])), None, None]
        if state.name == 'finished':
            record = node.folder.record
            row[3:] = describe_metrics(record), format_seconds(record['seconds'])
            commands.append(record['command'])
            shown += [node] if node.seed in (None, results.workflow.seeds[0]) else []
        rows.append(row)
    report.heading('Stages')
    report.table(['stage', 'seed', 'state', 'metrics', 'time'], rows)
    for node in shown:
        node.stage.describe(report, node.folder.path)
    if commands:
        report.code('\n'.join(commands), 'Commands')


def group_runs(work_dirs: Sequence[str | os.PathLike]) -> dict[str, list[Path]]:
    """Label work folders by their names; folders that differ in ``_seed<number>`` form one run.

    Args:
        work_dirs (Sequence[str | os.PathLike]): Work folders.

    Returns:
        dict[str, list[Path]]: Folders by label, in the given order.

    Raises:
        ValueError: If a folder is given twice, or two folders without a seed have the same name.
    """
    groups: dict[str, list[Path]] = {}
    seen: dict[Path, None] = {}
    for path in (Path(work_dir).resolve() for work_dir in work_dirs):
        label = SEED.sub('', path.name)
        names = {other.name for other in groups.get(label, ())}
        if path in seen or path.name in names:
            raise UserError(
                f"two work folders are called '{path.name}'; give each run once, and name the "
                'folders of several seeds NAME_seed0, NAME_seed1, ...'
            )
        seen[path] = None
        groups.setdefault(label, []).append(path)
    return groups


def build_run_report(
    work_dirs: Sequence[str | os.PathLike],
    title: str = 'Training report',
    groups: Sequence[CurveGroup] = CURVE_GROUPS,
    max_panels: int = 4,
) -> Report:
    """Compare runs: verdicts against the first, metrics, curves and the latest panels of each.

    Args:
        work_dirs (Sequence[str | os.PathLike]): Work folders; see ``group_runs`` for seeds.
        title (str): Title of the report.
        groups (Sequence[CurveGroup]): Curves to draw.
        max_panels (int): Most panels to show per run.

    Returns:
        Report: Not yet saved.

    Raises:
        FileNotFoundError: If a folder does not exist.
        ValueError: If none of the folders has logs, test metrics or panels.
    """
    runs = group_runs(work_dirs)
    scalars = {label: [read_scalars(path) for path in paths] for label, paths in runs.items()}
    tests = {label: [read_test_metrics(path) for path in paths] for label, paths in runs.items()}
    panels = {label: latest_panels(paths[0])[:max_panels] for label, paths in runs.items()}
    if not any(any(found) for part in (scalars, tests) for found in part.values()) and not any(
        panels.values()
    ):
        raise UserError(
            f'no logs, test metrics or panels in {[str(path) for path in work_dirs]}; give the '
            'work folders of trainings (work_dirs/CONFIG_NAME)'
        )
    report = Report(title, 'Runs: ' + ', '.join(f'`{label}`' for label in runs))
    if verdicts := judge(*measure_runs(runs, scalars)):
        report.heading('What the runs show')
        report.text('\n'.join(f'- {verdict.sentence}' for verdict in verdicts))
    _add_validation(report, scalars)
    _add_tests(report, tests)
    _add_curves(report, scalars, groups)
    _add_panels(report, panels)
    return report


def latest_panels(work_dir: Path) -> list[Path]:
    """Panels under ``vis``: those of the latest test, else of the last validated iteration.

    Args:
        work_dir (Path): Work folder of a run.

    Returns:
        list[Path]: PNG files, sorted by name.
    """
    root = work_dir / 'vis'
    iterations = [folder for folder in root.glob('*') if folder.name.isdecimal()]
    iterations.sort(key=lambda folder: int(folder.name), reverse=True)
    for folder in (root / 'test', *iterations):
        files = sorted(folder.glob('*.png'))
        if files:
            return files
    return []


def _add_validation(report: Report, scalars: Mapping[str, Sequence[Mapping[str, Series]]]) -> None:
    """Best and last validation mIoU of each run; of several seeds, means and ranges."""
    rows = []
    for label, seeds in scalars.items():
        series = [run['mIoU'] for run in seeds if 'mIoU' in run]
        if not series:
            continue
        steps, mean, low, high = mean_and_range(series)
        if not len(steps):
            continue
        best = int(mean.argmax())
        spread = f'{low[-1]:.2f} to {high[-1]:.2f}' if len(series) > 1 else ''
        rows.append(
            [label, len(series), int(steps[-1]), mean[-1], spread, mean[best], int(steps[best])]
        )
    if rows:
        headers = ['run', 'seeds', 'iterations', 'last mIoU', 'range', 'best mIoU', 'at iteration']
        report.heading('Validation')
        report.table(headers, rows, 'Mean intersection over union in percent.')
        report.text(
            'The best value is chosen on the validation images themselves and therefore flatters; '
            'compare runs by the last one.'
        )


def _add_tests(report: Report, tests: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    names = {name for seeds in tests.values() for metrics in seeds for name in metrics}
    names -= _NOT_A_METRIC
    if not names:
        return
    leading = [name for name in _METRIC_ORDER if name in names]
    names = leading + sorted(names.difference(leading))
    rows = []
    for label, seeds in tests.items():
        seeds = [metrics for metrics in seeds if metrics]
        if seeds:
            found = [[metrics[name] for metrics in seeds if name in metrics] for name in names]
            means = [sum(values) / len(values) if values else None for values in found]
            rows.append([label, len(seeds), *means])
    report.heading('Test')
    report.table(['run', 'seeds', *names], rows, 'Metrics of the latest test, means over seeds.')


def _add_curves(
    report: Report,
    scalars: Mapping[str, Sequence[Mapping[str, Series]]],
    groups: Sequence[CurveGroup] = CURVE_GROUPS,
) -> None:
    """Curves of each seed by label of the run; groups that nobody logged are left out."""
    if groups := groups_with_data(scalars, groups):
        report.heading('Curves')
        titles = ', '.join(group.title for group in groups)
        report.plot(
            plot_curves(scalars, groups=groups),
            'Logged scalars over the iterations.',
            alt=f'Curves over the iterations: {titles}.',
        )


def _add_panels(report: Report, panels: Mapping[str, Sequence[Path]]) -> None:
    """Panels, PNG files by label of the run."""
    if any(panels.values()):
        report.heading('Predictions')
    for label, files in panels.items():
        if files:
            folder = files[0].parent.name
            where = 'test' if folder == 'test' else f'iteration {folder}'
            report.text(f'### {label}, {where}')
            for file in files:  # a panel already carries the name of its image
                report.plot(file, '', alt=f'{label}: panel of {file.stem}')

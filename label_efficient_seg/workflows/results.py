"""What came out of a workflow, as a table: means over seeds, and differences within seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.digests import digest
from ..core.errors import MissingFileError
from ..core.tables import print_table
from .node import Node
from .stages import CLASS_IOU, config_content
from .workflow import Workflow

HEADERS = ['run', 'seeds', 'mean', 'std', 'by seed', 'difference', 'wins/losses', 'minutes']
LESS_IS_BETTER = ('entropy', 'mean_score')


@dataclass(frozen=True)
class Measurement:
    """A metric of a stage.

    Attributes:
        name (str): As ``results`` of the workflow has it.
        metric (str): Such as ``'mIoU'``.
        images (str | None): Stands for the images; measurements of different ones do not compare.
        values (dict[int | None, float]): By seed; None stands for all seeds.
        minutes (float): Mean over the seeds.
    """

    name: str
    metric: str
    images: str | None
    values: Mapping[int | None, float]
    minutes: float

    def compares_with(self, other: 'Measurement') -> bool:
        """Whether both are the same metric of the same images."""
        return (self.metric, self.images) == (other.metric, other.images)


def finished_results(workflow: Workflow) -> dict[str, list[Node]]:
    """Finished nodes of each stage that the results of a workflow name."""
    finished = [node for node, state in workflow.states().items() if state.name == 'finished']
    names = dict.fromkeys(result.partition('.')[0] for result in workflow.results)
    return {name: [n for n in finished if n.name == name] for name in names}


def measurements(workflow: Workflow) -> list[Measurement]:
    """The finished results that have their metric."""
    finished = finished_results(workflow)
    splits = [(name, *name.partition('.')[::2]) for name in workflow.results]
    found = [_measure(name, finished[stage], metric or 'mIoU') for name, stage, metric in splits]
    return [measured for measured in found if measured]


def _measure(name: str, nodes: Sequence[Node], metric: str) -> Measurement | None:
    """A metric of the nodes of one stage; None if none has it."""
    records = {node.seed: node.folder.record for node in nodes}
    values = {s: r['metrics'][metric] for s, r in records.items() if metric in r['metrics']}
    if not values:
        return None
    minutes = float(np.mean([record['seconds'] for record in records.values()])) / 60
    return Measurement(name, metric, _images(nodes[0]), values, minutes)


def paired_difference(
    values: Mapping[int | None, float], baseline: Mapping[int | None, float]
) -> tuple[list[float], float | None, float | None]:
    """Compare two runs seed by seed, which removes what a seed does to both.

    Args:
        values (Mapping[int | None, float]): Metric by seed.
        baseline (Mapping[int | None, float]): Likewise.

    Returns:
        tuple: The difference for each shared seed, their mean, and its standard error (the sample
        standard deviation of the differences over the root of their number). The mean is None
        without a shared seed, the error with fewer than two.
    """
    differences = [values[seed] - baseline[seed] for seed in values if seed in baseline]
    number = len(differences)
    mean = float(np.mean(differences)) if number else None
    error = float(np.std(differences, ddof=1) / np.sqrt(number)) if number > 1 else None
    return differences, mean, error


def result_table(workflow: Workflow) -> tuple[list[str], list[list]]:
    """Headers and rows of the finished results that have their metric.

    The columns are the mean and sample standard deviation over the seeds; the values by seed; the
    mean of the differences to the first result of the same metric and images, within the seeds that
    both have, and its standard error; for how many of these seeds it is better and worse; and the
    mean of the minutes.

    Args:
        workflow (Workflow): The workflow.
    """
    rows, found = [], measurements(workflow)
    for measured in found:
        values = list(measured.values.values())
        first = next(other for other in found if other.compares_with(measured))
        rows.append([
            measured.name,
            len(values),
            float(np.mean(values)),
            float(np.std(values, ddof=1)) if len(values) > 1 else None,
            ', '.join(f'{value:.2f}' for value in values),
            *(['', ''] if first is measured else _compare(measured, first)),
            measured.minutes,
        ])  # fmt: skip
    return HEADERS, rows


def class_table(workflow: Workflow) -> tuple[list[str], list[list]]:
    """Headers and rows of the IoU of each class, for the results that report it (``IoU_<class>``).

    The first such result is a mean over the seeds, the others are differences to it as in
    :func:`result_table`, followed by wins/losses. There is no row without two comparable results.

    Args:
        workflow (Workflow): The workflow.
    """
    stages = {k: v for k, v in finished_results(workflow).items() if v and k in workflow.results}
    metrics = dict.fromkeys(
        metric
        for nodes in stages.values()
        for metric in nodes[0].folder.record['metrics']
        if metric.startswith(CLASS_IOU)
    )
    rows: list[list] = []
    for metric in metrics:
        found = [_measure(name, nodes, metric) for name, nodes in stages.items()]
        first, *others = found
        if first and all(other and other.compares_with(first) for other in others):
            cells = [' '.join(_compare(other, first)) for other in others if other]
            mean = float(np.mean(list(first.values.values())))
            rows.append([metric.removeprefix(CLASS_IOU), mean, *cells])
    return ['class', *stages], rows


def print_results(workflow: Workflow) -> None:
    """Write the table of results to the console, if there is any."""
    headers, rows = result_table(workflow)
    if rows:
        print_table(headers, rows)
    headers, rows = class_table(workflow)
    if rows:
        print_table(headers, rows)


def _compare(measured: Measurement, first: Measurement) -> list[str]:
    """Cells of the paired difference, and of wins and losses."""
    differences, mean, error = paired_difference(measured.values, first.values)
    if mean is None:
        return ['', '']
    text = f'{mean:+.2f}' if error is None else f'{mean:+.2f} ± {error:.2f}'
    if len(differences) < max(len(measured.values), len(first.values)):
        text += f' ({len(differences)} shared seeds)'
    sign = -1 if measured.metric in LESS_IS_BETTER else 1
    wins, losses = (sum(sign * side * d > 0 for d in differences) for side in (1, -1))
    return [text, f'{wins}/{losses}']


def _images(node: Node) -> str | None:
    """Digest of the dataset that the metrics of a stage are of; None if its config has none."""
    stage: Any = node.resolved(must_exist=False)
    if not hasattr(stage, 'config'):
        return None
    try:
        cfg = config_content(stage.config, stage.cfg_options) or {}
    except MissingFileError:  # a config that another stage left has been removed
        return None
    dataset = (cfg.get(stage.measured_on) or {}).get('dataset')
    return digest(without_pipelines(dataset)) if dataset else None


def without_pipelines(node: Any) -> Any:
    """A copy of a dataset's config without what is done to its images."""
    if isinstance(node, Mapping):
        return {k: without_pipelines(v) for k, v in node.items() if k != 'pipeline'}
    if isinstance(node, (list, tuple)):
        return [without_pipelines(value) for value in node]
    return node

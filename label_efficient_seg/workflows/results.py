"""What came out of a workflow: tables, and verdicts."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core.digests import digest
from ..core.errors import MissingFileError
from ..core.tables import print_table
from .measurement import Measurement
from .node import Node
from .stages import config_content
from .verdicts import CLASS_IOU, Verdict, judge, next_steps
from .workflow import Workflow

HEADERS = ['run', 'seeds', 'mean', 'std', 'by seed', 'difference', 'wins/losses', 'minutes']


class Results:
    """What the stages of a workflow have brought so far.

    Attributes:
        workflow (Workflow): The workflow.
        states (dict[Node, State]): How far each stage is.
        finished (dict[str, list[Node]]): Finished nodes of each stage that ``results`` of the
            workflow names.
        measurements (list[Measurement]): The finished results that have their metric.
        classes (list[Measurement]): The IoU of each class of those that report it
            (``IoU_<class>``).
    """

    def __init__(self, workflow: Workflow) -> None:
        self.workflow, self.states = workflow, workflow.states()
        names = dict.fromkeys(result.partition('.')[0] for result in workflow.results)
        self.finished: dict[str, list[Node]] = {name: [] for name in names}
        for node, state in self.states.items():
            if state.name == 'finished' and node.name in names:
                self.finished[node.name].append(node)
        self._images = {name: _images(nodes[0]) for name, nodes in self.finished.items() if nodes}
        self.measurements, self.classes = [], []
        for result in workflow.results:
            name, _, metric = result.partition('.')
            self.measurements += self._measure(result, name, metric or 'mIoU')
            # Named like the stage's first result, which verdicts look for.
            listed = any(other.name.partition('.')[0] == name for other in self.classes)
            if self.finished[name] and not listed:
                metrics = self.finished[name][0].folder.record['metrics']
                for iou in (metric for metric in metrics if metric.startswith(CLASS_IOU)):
                    self.classes += self._measure(result, name, iou)

    def table(self, bold: bool = False) -> tuple[list[str], list[list]]:
        """Headers and rows of the results.

        The columns are the mean and sample standard deviation over the seeds; the values by seed;
        the mean of the differences to the first result of the same metric and images, within the
        seeds that both have, and its standard error; for how many of these seeds it is better and
        worse; and the mean of the minutes.

        Args:
            bold (bool): Mark differences whose 95 % confidence interval leaves out 0, in Markdown.
        """
        rows = []
        for measured in self.measurements:
            values = list(measured.values.values())
            first = next(m for m in self.measurements if m.compares_with(measured))
            rows.append([
                measured.name,
                len(values),
                float(np.mean(values)),
                float(np.std(values, ddof=1)) if len(values) > 1 else None,
                ', '.join(f'{value:.2f}' for value in values),
                *(['', ''] if first is measured else _compare(measured, first, bold)),
                measured.minutes,
            ])  # fmt: skip
        return HEADERS, rows

    def class_table(self, bold: bool = False) -> tuple[list[str], list[list]]:
        """Headers and rows of the IoU of each class.

        The first result is a mean over the seeds, the others are differences to it as in
        :meth:`table`, followed by wins/losses; empty where they do not compare. There is no row
        without two comparable results.

        Args:
            bold (bool): As for :meth:`table`.
        """
        names = list(dict.fromkeys(measured.name for measured in self.classes))
        rows: list[list] = []
        for metric in dict.fromkeys(measured.metric for measured in self.classes):
            named = {m.name: m for m in self.classes if m.metric == metric}
            first, *others = (named.get(name) for name in names)
            cells = [
                ' '.join(_compare(other, first, bold))
                if first and other and other.compares_with(first)
                else ''
                for other in others
            ]
            if first and any(cells):
                mean = float(np.mean(list(first.values.values())))
                rows.append([metric.removeprefix(CLASS_IOU), mean, *cells])
        return ['class', *(name.partition('.')[0] for name in names)], rows

    @property
    def verdicts(self) -> list[Verdict]:
        """What the results show against the first of them."""
        return judge(self.measurements, self.classes)

    def _measure(self, result: str, stage: str, metric: str) -> list[Measurement]:
        """A metric of the nodes of one stage; empty if none has it."""
        records = {node.seed: node.folder.record for node in self.finished[stage]}
        values = {s: r['metrics'][metric] for s, r in records.items() if metric in r['metrics']}
        if not values:
            return []
        minutes = float(np.mean([record['seconds'] for record in records.values()])) / 60
        return [Measurement(result, metric, self._images[stage], values, minutes)]


def print_results(workflow: Workflow) -> None:
    """Write the tables of results and the verdicts to the console, if there are any.

    Args:
        workflow (Workflow): The workflow.
    """
    results = Results(workflow)
    for headers, rows in (results.table(), results.class_table()):
        if rows:
            print_table(headers, rows)
    verdicts = results.verdicts
    sentences = [verdict.sentence for verdict in verdicts]
    for text in sentences + next_steps(verdicts, len(workflow.seeds)):
        print(f'- {text}')


def _compare(measured: Measurement, first: Measurement, bold: bool) -> list[str]:
    """Cells of the paired difference, and of wins and losses."""
    differences, mean, error = difference = measured.difference_to(first)
    if mean is None:
        return ['', '']
    text = f'{mean:+.2f}' if error is None else f'{mean:+.2f} ± {error:.2f}'
    if bold and difference.clear:
        text = f'**{text}**'
    if len(differences) < max(len(measured.values), len(first.values)):
        text += f' ({len(differences)} shared seeds)'
    wins, losses = (sum(measured.sign * s * d > 0 for d in differences) for s in (1, -1))
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

"""What the kinds of projects share: the common config of all trainings, workflow and README."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from ..core.errors import UserError
from ..engine.initial_weights import check_initial_weights
from .methods import METHODS, choose_method
from .networks import Network, find_network, origin
from .parts import Parts
from .plan import SHARE, Budget, Sizes, choose_sizes, reduced_dilations, round_down
from .project import WORKFLOW, Project
from .stages import Stage, bases, compared, dict_text, iterations_text
from .timing import seconds_per_iteration

TOO_SHORT = 200
"""Iterations below which a project warns."""
FORWARD = 1 / 3
"""Share of an iteration of a training that its forward pass takes."""


class Description(NamedTuple):
    """What a project is, in words.

    Attributes:
        title (str): Of the report.
        sentences (Sequence[str]): Introduction of the report and of the README.
        result (str): Stage whose network is what the user wants.
    """

    title: str
    sentences: Sequence[str]
    result: str


class Trainings:
    """Writes the configs of trainings that share images, network and schedule.

    Args:
        kind (str): Of ``les new``.
        out (str | os.PathLike): Folder to write, which must not hold anything.
        method (str, optional): Of the kind. Defaults to its first one.
        network (str, optional): Of :func:`find_network`. Defaults to ``deeplabv3plus_r50`` on a
            GPU and ``segformer_mit-b0`` on a CPU.
        weights (str, optional): Checkpoint of the backbone, or ``none``. Defaults to the network's.
        budget (str): As of :class:`Budget`.
        iterations (int, optional): Of each training, in place of a budget.
        seed (int): Seed of what is drawn.

    Raises:
        FileExistsError: If the folder is not empty.
        ValueError: If an argument is not as it must be.

    Attributes:
        method (str): The method.
        title (str): How reports call it.
        budget (Budget): What there is.
        project (Project): Where to write.
        seed (int): Seed of what is drawn.
    """

    def __init__(
        self,
        kind: str,
        out: str | os.PathLike,
        *,
        method: str | None = None,
        network: str | None = None,
        weights: str | None = None,
        budget: str = '1h',
        iterations: int | None = None,
        seed: int = 0,
    ) -> None:
        self.kind, self.method = kind, choose_method(kind, method)
        self.title = METHODS[kind][self.method]
        self.budget, self.project = Budget.read(budget, iterations), Project(out)
        self.seed, self.weights = seed, weights
        default = 'deeplabv3plus_r50' if torch.cuda.is_available() else 'segformer_mit-b0'
        self.network = network or default

    def choose_sizes(self, measured: np.ndarray) -> Sizes:
        """As :func:`choose_sizes`, for the network."""
        divisor = find_network(self.network, self.budget.iterations).divisor()
        return choose_sizes(self.project, measured, self.budget.paper, divisor)

    def write(
        self,
        classes: Sequence[str],
        sizes: Sizes,
        dataset: str,
        variables: Mapping[str, Any],
        stages: Callable[[Network, int], list[Stage]],
        images: int,
        description: Description,
    ) -> Path:
        """Write all files of the folder, and print what was decided.

        Args:
            classes (Sequence[str]): Names of the classes.
            sizes (Sizes): Of images, crops and batches.
            dataset (str): Shipped part with the data sets, below ``_base_/datasets``.
            variables (Mapping): Of that part, cards and lists. The value may be a pair of the value
                and a comment.
            stages (Callable): Makes the stages of a network and a number of iterations.
            images (int): Number of training images, which jobs read.
            description (Description): What the project is.

        Returns:
            Path: The folder.
        """
        start = self.weights or 'its own weights'
        self.project.decide(
            'network', self.network, f'{origin(self.network)}; its backbone begins with {start}'
        )

        def write(length: int) -> list[Stage]:
            network = self._write_common(classes, sizes, dataset, variables, length)
            made = stages(network, length)
            for stage in made:
                if stage.text:
                    self.project.write(f'{stage.name}.py', stage.text)
            return made

        made = write(self.budget.iterations)
        made = write(self._fit(made, images / sizes.batch))
        self._write_workflow(made, description)
        self._write_readme(made, description)
        self.project.print_decisions()
        return self.project.folder

    def _write_common(
        self,
        classes: Sequence[str],
        sizes: Sizes,
        dataset: str,
        variables: Mapping[str, Any],
        length: int,
    ) -> Network:
        """Write ``common.py``, from which the configs of all trainings inherit."""
        network = find_network(self.network, length)
        shipped = [network.base] if network.base else []
        reasons = {name: reason for name, _, reason in self.project.decisions}
        lines = [
            '# What all trainings here share: images, network and schedule.',
            bases(*shipped, f'datasets/{dataset}', 'default_runtime'),
        ]
        for name, value in variables.items():
            value, note = value if isinstance(value, tuple) else (value, '')
            lines += [f'# {note}.'] * bool(note) + [f'{name} = {value!r}']
        for name, size in dict(
            image_scale=sizes.scale, crop_size=sizes.crop, batch_size=sizes.batch
        ).items():
            lines.append(f'{name} = {size}  # {reasons[name]}')
        lines += [
            f'num_workers = {sizes.workers}',
            *([] if self.kind == 'zero' else _class_metrics(classes)),
            *self._model(network, len(classes), sizes.crop[0]),
            f'# The optimizer: {network.source}.',
            network.schedule.rstrip(),
            iterations_text(length),
        ]
        self.project.write('common.py', '\n'.join(lines))
        return network

    def _model(self, network: Network, classes: int, crop: int) -> list[str]:
        """Lines about the network."""
        lines: list[str] = []
        changes: dict[str, Any] = {}
        stride = 8
        if network.base and 'output_stride' in network.model['backbone'] and self._is_small():
            stride = 16
            lines.append(
                '# On a CPU, a stride of 16 takes a third of the time that one of 8 takes.'
            )
            changes['backbone'] = dict(output_stride=stride)
        for key, head in network.heads().items():
            changes[key] = dict(num_classes=classes)
            if dilations := reduced_dilations(head, crop, stride):
                changes[key]['dilations'] = dilations
                lines.append('# Dilations in proportion to the crop, as in the papers.')
        if not torch.cuda.is_available():
            synchronised = [key for key in ('backbone', *network.heads())
                            if 'SyncBN' in str(network.model[key].get('norm_cfg'))]  # fmt: skip
            if synchronised:
                lines.append('# Synchronised batch norm needs a GPU.')
            for key in synchronised:
                changes.setdefault(key, {})['norm_cfg'] = dict(type='BN', requires_grad=True)
        if self.weights:
            weights = self._weights()
            if weights and '://' not in weights:
                check_initial_weights(network.build_backbone(weights))
            changes.setdefault('backbone', {}).update(network.weights(weights))
        if network.base:
            return [*lines, f'model = {dict_text(changes)}']
        if (divisor := network.divisor()) > 1:  # photos are padded
            changes['data_preprocessor'] = dict(
                size_divisor=divisor, test_cfg=dict(size_divisor=divisor)
            )
        model = {k: {**v, **changes[k]} if k in changes else v for k, v in network.model.items()}
        if self.weights and 'pretrained' in model:
            model['pretrained'] = None
        return [*lines, f'model = {dict_text(model)}']

    def _is_small(self) -> bool:
        return not (torch.cuda.is_available() or self.budget.paper)

    def _weights(self) -> str | None:
        """Checkpoint that a user names; None for random weights."""
        weights = str(self.weights)
        if weights == 'none':
            return None
        if '://' in weights:
            return weights
        if not Path(weights).is_file():
            raise UserError(f"weights '{weights}' do not exist; give a file, or none")
        return os.path.abspath(weights)

    def _fit(self, stages: Sequence[Stage], batches: float) -> int:
        """Number of iterations, with a warning if they are few."""
        length = self._length(stages, batches)
        if length < TOO_SHORT:
            self.project.decide(
                'WARNING', 'too short', f'with {length} iterations a network learns next to nothing'
            )
        return length

    def _length(self, stages: Sequence[Stage], batches: float) -> int:
        """Number of iterations, by measuring one of each training if need be."""
        budget = self.budget
        if budget.seconds is None:
            self.project.decide('max_iters', budget.iterations, budget.reason)
            return budget.iterations
        trainings = [stage for stage in stages if stage.type == 'TrainStage']
        seconds = {
            stage.name: seconds_per_iteration(self.project.folder / f'{stage.name}.py', stage.trial)
            for stage in trainings
            if not stage.timed_as
        }
        iteration = sum(s.share * seconds[s.timed_as or s.name] for s in trainings)
        jobs = sum(s.passes for s in stages) * FORWARD * batches * next(iter(seconds.values()))
        length = round_down((SHARE * budget.seconds - jobs) / iteration)
        measured = ', '.join(f'{name} {time:.2g} s' for name, time in seconds.items())
        self.project.decide(
            'max_iters', length,
            f'{budget.reason} for all stages of a seed; an iteration takes here: {measured}',
        )  # fmt: skip
        return length

    def _write_workflow(self, stages: Sequence[Stage], description: Description) -> None:
        entries = (f'    {dict_text(stage.entry(), 4)},\n' for stage in stages)
        values = dict(
            title=description.title,
            sentences='\n'.join(f'    {sentence + " "!r}' for sentence in description.sentences),
            stages=''.join(entries),
            results=''.join(f'    {name!r},\n' for name in compared(stages)),
            method=description.result,
        )
        self.project.write(WORKFLOW, WORKFLOW_TEXT.format(**values))

    def _write_readme(self, stages: Sequence[Stage], description: Description) -> None:
        values = dict(
            name=self.project.folder.name,
            kind=self.kind,
            sentences='\n'.join([description.title + '.', *description.sentences]),
            decisions='\n'.join(f'| {n} | {v} | {w} |' for n, v, w in self.project.decisions),
            compared=', '.join(f'`{stage.name}`' for stage in stages if stage.results),
        )
        self.project.write('README.md', README.format(**values))


def _class_metrics(classes: Sequence[str]) -> list[str]:
    """Lines that add the IoU of each class to the metrics; those of zero-shot learning differ."""
    subsets = {f'IoU_{name}': [name] for name in classes}
    return [
        '# The IoU of each class, too, which the report compares.',
        f'val_evaluator = {dict_text(dict(type="SubsetIoUMetric", subsets=subsets))}',
        'test_evaluator = val_evaluator',
    ]


def describe_parts(
    project: Project,
    parts: Parts,
    prefix: str = '',
    names: Sequence[str] = ('train', 'labeled', 'val'),
) -> dict[str, Any]:
    """Note the parts of a card, and give the variables of a config that name their lists."""
    variables = {}
    for part in names:
        number = len(getattr(parts, part))
        project.decide(f'{prefix}{part}', f'{number} images', parts.notes[part])
        variables[f'{part}_list'] = (parts.files[part], f'{number} images: {parts.notes[part]}')
    return variables


WORKFLOW_TEXT = """\
# All stages of this folder, and what the report compares: les run FOLDER
title = {title!r}
introduction = (
{sentences}
)
stages = [
{stages}]
results = [
{results}]
method = {method!r}  # whose network les predict FOLDER takes
"""

README = """\
# {name}

{sentences}

`les new {kind}` wrote this folder; change what you like. In the folder that holds it:

```shell
les check {name}/                    # reads every file once
les run {name}/ --seeds 0 1 2        # does what is missing; goes on after an interruption
les report {name}/                   # prints the path of report.html
les predict {name}/ PHOTOS --out {name}_masks/
```

`common.py` has what all trainings share. The report compares {compared}: look at the differences
and at their spread over the seeds.

| decided | value | because |
|---|---|---|
{decisions}
"""

"""What the kinds of projects share: the common config of all trainings, workflow and README."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..core.errors import UserError
from .networks import SHIPPED, Network, find_network
from .parts import Parts
from .plan import SHARE, Budget, Sizes, reduced_dilations, round_down
from .project import HERE, WORKFLOW, Project, bases, dict_text
from .timing import seconds_per_iteration

TOO_SHORT = 200
"""Iterations below which a project warns."""


class Trainings:
    """Writes the configs of trainings that differ in method and images only.

    Args:
        project (Project): Where to write.
        classes (Sequence[str]): Names of the classes.
        sizes (Sizes): Of images, crops and batches.
        network (str, optional): Of :func:`find_network`. Defaults to ``deeplabv3plus_r50`` on a
            GPU and ``segformer_mit-b0`` on a CPU.
        weights (str, optional): Checkpoint of the backbone, or ``none``. Defaults to the network's.
    """

    def __init__(
        self,
        project: Project,
        classes: Sequence[str],
        sizes: Sizes,
        network: str | None,
        weights: str | None,
    ) -> None:
        self.project, self.classes, self.sizes, self.weights = project, classes, sizes, weights
        default = 'deeplabv3plus_r50' if torch.cuda.is_available() else 'segformer_mit-b0'
        self.network = network or default
        kind = 'shipped' if self.network in SHIPPED else 'your config'
        start = weights or 'its own weights'
        project.decide('network', self.network, f'{kind}; its backbone begins with {start}')

    def write_common(self, dataset: str, variables: Mapping[str, Any], length: int) -> Network:
        """Write ``common.py``, from which the configs of all trainings inherit.

        Args:
            dataset (str): Shipped part with the data sets, below ``_base_/datasets``.
            variables (Mapping): Of that part, cards and lists. The value may be a pair of the value
                and a comment.
            length (int): Iterations.

        Returns:
            Network: The network.
        """
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
            image_scale=self.sizes.scale, crop_size=self.sizes.crop, batch_size=self.sizes.batch
        ).items():
            lines.append(f'{name} = {size}  # {reasons[name]}')
        interval = max(1, length // 2)
        lines += [
            f'num_workers = {self.sizes.workers}',
            *self._model(network),
            f'# The optimizer: {network.source}.',
            network.schedule.rstrip(),
            f"train_cfg = dict(type='StreamIterTrainLoop', max_iters={length}, "
            f'val_interval={interval})',
            f'default_hooks = dict(checkpoint=dict(interval={interval}), '
            f'logger=dict(interval={max(1, length // 20)}))',
        ]
        self.project.write('common.py', '\n'.join(lines) + '\n')
        return network

    def _model(self, network: Network) -> list[str]:
        """Lines about the network."""
        lines: list[str] = []
        changes: dict[str, dict] = {}
        for key, head in network.heads().items():
            changes[key] = dict(num_classes=len(self.classes))
            if dilations := reduced_dilations(head, self.sizes.crop[0]):
                changes[key]['dilations'] = dilations
                lines = ['# Dilations in proportion to the crop, as in the papers.']
        if not torch.cuda.is_available():
            synchronised = [key for key in ('backbone', *network.heads())
                            if 'SyncBN' in str(network.model[key].get('norm_cfg'))]  # fmt: skip
            if synchronised:
                lines.append('# Synchronised batch norm needs a GPU.')
            for key in synchronised:
                changes.setdefault(key, {})['norm_cfg'] = dict(type='BN', requires_grad=True)
        if self.weights:
            changes.setdefault('backbone', {})['init_cfg'] = self._weights(network)
        if network.base:
            return [*lines, f'model = {dict_text(changes)}']
        model = {k: {**v, **changes[k]} if k in changes else v for k, v in network.model.items()}
        return [*lines, f'model = {dict_text(model)}']

    def _weights(self, network: Network) -> dict | None:
        if self.weights == 'none':
            return None
        checkpoint = str(self.weights)
        if '://' not in checkpoint:
            if not Path(checkpoint).is_file():
                raise UserError(f"weights '{checkpoint}' do not exist; give a file, or none")
            checkpoint = os.path.abspath(checkpoint)
        # In place of what the shipped network has.
        delete = dict(_delete_=True) if network.base else {}
        return dict(delete, type='Pretrained', checkpoint=checkpoint)

    def fit(self, budget: Budget, method: str, baselines: int) -> int:
        """Number of iterations, by measuring one of each kind if need be.

        Args:
            budget (Budget): What there is.
            method (str): Config of the method.
            baselines (int): Trainings of one stream beside it: ``baseline.py`` and alike.

        Returns:
            int: Iterations of each training.
        """
        if budget.seconds is None:
            self.project.decide('max_iters', budget.iterations, budget.reason)
            return budget.iterations
        slow = seconds_per_iteration(self.project.folder / f'{method}.py')
        fast = seconds_per_iteration(self.project.folder / 'baseline.py')
        length = round_down(SHARE * budget.seconds / (slow + baselines * fast))
        self.project.decide(
            'max_iters', length,
            f'{budget.reason} for all trainings of a seed; here an iteration of {method} takes '
            f'{slow:.2g} s, of the baseline {fast:.2g} s',
        )  # fmt: skip
        if length < TOO_SHORT:
            self.project.decide(
                'WARNING', 'too short', f'with {length} iterations a network learns next to nothing'
            )
        return length

    def write_workflow(
        self, title: str, introduction: Sequence[str], stages: Sequence[str], kind: str
    ) -> None:
        """Write the workflow and the README.

        Args:
            title (str): Of the report.
            introduction (Sequence[str]): Sentences of it.
            stages (Sequence[str]): Names of the configs, the baseline first.
            kind (str): Of ``les new``.
        """
        entry = "    dict(name='{0}', type='TrainStage', config='{1}/{0}.py'),\n"
        values = dict(
            title=title,
            sentences='\n'.join(f'    {sentence + " "!r}' for sentence in introduction),
            stages=''.join(entry.format(name, HERE) for name in stages),
            results=list(stages),
        )
        self.project.write(WORKFLOW, WORKFLOW_TEXT.format(**values))
        write_readme(self.project, kind, [title + '.', *introduction], stages)


def write_readme(
    project: Project, kind: str, sentences: Sequence[str], stages: Sequence[str]
) -> None:
    """Write what the folder is, its commands and what was decided."""
    values = dict(
        name=project.folder.name,
        kind=kind,
        sentences='\n'.join(sentences),
        decisions='\n'.join(f'| {n} | {v} | {w} |' for n, v, w in project.decisions),
        compared=', '.join(f'`{stage}`' for stage in stages),
    )
    project.write('README.md', README.format(**values))


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
# All trainings of this folder, compared: les run FOLDER
title = {title!r}
introduction = (
{sentences}
)
stages = [
{stages}]
results = {results!r}
"""

README = """\
# {name}

{sentences}

`les new {kind}` wrote this folder; change what you like. In the folder that holds it:

```shell
les check {name}/                    # reads every file once
les run {name}/ --seeds 0 1 2        # trains what is missing; goes on after an interruption
les report {name}/                   # prints the path of report.html
```

`common.py` has what all trainings share. The report compares {compared}: look at the differences
and at their spread over the seeds.

| decided | value | because |
|---|---|---|
{decisions}
"""

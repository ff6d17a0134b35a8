"""Projects of semi-supervised learning: masks for some of the images."""

import os
from collections.abc import Callable
from pathlib import Path

import torch

from ..core.errors import UserError
from ..core.suggest import did_you_mean
from ..datasets.files.data_card import Part, read_card
from .networks import SHIPPED, Network, find_network
from .parts import CardImages, Parts, choose_parts
from .plan import (
    PAPER_ITERATIONS,
    SHARE,
    Sizes,
    choose_sizes,
    discriminator_strides,
    read_budget,
    reduced_dilations,
    round_down,
)
from .project import HERE, WORKFLOW, Project, bases, dict_text
from .timing import seconds_per_iteration


def new_semi(
    card: str | os.PathLike,
    out: str | os.PathLike,
    *,
    labeled: Part | None = None,
    method: str = 'unimatch',
    network: str | None = None,
    weights: str | None = None,
    budget: str = '1h',
    iterations: int | None = None,
    seed: int = 0,
) -> Path:
    """Write a project: the method, its baseline and, where all masks exist, the upper bound.

    Args:
        card (str | os.PathLike): Data card.
        out (str | os.PathLike): Folder to write, which must not hold anything.
        labeled (str | Fraction | int, optional): List, share or number of the labeled images, in
            place of the card's.
        method (str): ``unimatch`` or ``advsemi``.
        network (str, optional): A shipped one, or an MMSeg config file. Defaults to
            ``deeplabv3plus_r50`` on a GPU and ``segformer_mit-b0`` on a CPU.
        weights (str, optional): Checkpoint of the backbone, or ``none``. Defaults to the network's.
        budget (str): Time for all trainings of one seed on this machine, such as ``1h``, or
            ``paper``.
        iterations (int, optional): Iterations of each training in place of a budget.
        seed (int): Seed of what is drawn.

    Returns:
        Path: The folder.

    Raises:
        FileExistsError: If the folder is not empty.
        ValueError: If the card or an argument is not as it must be.
    """
    if method not in METHODS:
        raise UserError(f'method {method!r} is unknown; {did_you_mean(method, METHODS)}')
    seconds, project = read_budget(budget), Project(out)
    images = CardImages(read_card(card))
    with project.complete():
        parts = choose_parts(project, images, labeled, seed)
        if len(parts.train) == len(parts.labeled):
            raise UserError(
                f'all {len(parts.train)} training images are labeled, so there is nothing to '
                'learn without masks; to measure what fewer labels cost, give --labeled 1/8'
            )
        for part in ('train', 'labeled', 'val'):
            project.decide(part, f'{len(getattr(parts, part))} images', parts.notes[part])
        sizes = choose_sizes(project, images.sizes(parts.train), budget)
        name = network or ('deeplabv3plus_r50' if torch.cuda.is_available() else 'segformer_mit-b0')
        writer = _Writer(project, images, parts, sizes, name, weights)
        length = iterations or PAPER_ITERATIONS
        writer.write(method, length)
        if iterations or seconds is None:
            project.decide('max_iters', length, 'as asked for' if iterations else 'as in papers')
        else:
            length = _fit_budget(project, method, seconds, budget, parts.all_masks)
            writer.write(method, length)
        writer.write_workflow(method)
    project.print_decisions()
    return project.folder


def _fit_budget(project: Project, method: str, seconds: float, text: str, oracle: bool) -> int:
    """Iterations that fit into a budget, measured."""
    slow = seconds_per_iteration(project.folder / f'{method}.py')
    fast = seconds_per_iteration(project.folder / 'supervised.py')
    length = round_down(SHARE * seconds / (slow + (1 + oracle) * fast))
    project.decide(
        'max_iters', length,
        f'{text} for all trainings; here one iteration takes {slow:.2g} s with {method}, '
        f'{fast:.2g} s without',
    )  # fmt: skip
    if length < 200:
        project.decide('warning', 'too short', 'below some hundred iterations nothing is learnt')
    return length


class _Writer:
    """Writes the configs."""

    def __init__(
        self,
        project: Project,
        images: CardImages,
        parts: Parts,
        sizes: Sizes,
        network: str,
        weights: str | None,
    ) -> None:
        self.project, self.card, self.parts, self.sizes = project, images.card, parts, sizes
        self.network_name, self.weights = network, weights
        why = 'shipped' if network in SHIPPED else 'your config'
        project.decide('network', network, f'{why}; backbone from {weights or "its own weights"}')

    def write(self, method: str, length: int) -> None:
        """Write the configs of all trainings with this number of iterations."""
        network = find_network(self.network_name, length)
        self.project.write('common.py', self._common(network, length))
        self.project.write('supervised.py', SUPERVISED)
        self.project.write(f'{method}.py', METHODS[method](self.sizes, length))
        if self.parts.all_masks:
            self.project.write('oracle.py', ORACLE.format(train=self.parts.files['train']))

    def _common(self, network: Network, length: int) -> str:
        parts, sizes = self.parts, self.sizes
        reasons = {name: reason for name, _, reason in self.project.decisions}
        named = [f'models/{network.base.split("/")[1]}'] if network.base else []
        lines = [
            '# What all trainings here share: images, network and schedule.',
            bases(*named, 'datasets/card_semi', 'default_runtime'),
            f"card = '{self.project.path(self.card.path)}'",
            *(line for part in ('train', 'labeled', 'val') for line in (
                f'# {len(getattr(parts, part))} images: {parts.notes[part]}.',
                f"{part}_list = '{parts.files[part]}'",
            )),
            f'image_scale = {sizes.scale}  # {reasons["image_scale"]}',
            f'crop_size = {sizes.crop}  # {reasons["crop_size"]}',
            f'batch_size = {sizes.batch}  # {reasons["batch_size"]}',
            f'num_workers = {sizes.workers}',
            *self._model(network),
            f'# The optimizer: {network.source}.',
            network.schedule.rstrip(),
            f"train_cfg = dict(type='StreamIterTrainLoop', max_iters={length}, "
            f'val_interval={max(1, length // 2)})',
            f'default_hooks = dict(checkpoint=dict(interval={max(1, length // 2)}), '
            f'logger=dict(interval={max(1, length // 20)}))',
        ]  # fmt: skip
        return '\n'.join(lines) + '\n'

    def _model(self, network: Network) -> list[str]:
        """Lines about the network."""
        count, lines = len(self.card.classes), []
        changes = {key: {'num_classes': count} for key in network.heads()}
        for key, head in network.heads().items():
            if head.get('out_channels'):
                changes[key]['out_channels'] = count
            if dilations := reduced_dilations(head, self.sizes.crop[0]):
                changes[key]['dilations'] = dilations  # type: ignore[assignment]
                lines.append('# Dilations in proportion to the crop, as in the papers.')
        norm = dict(type='BN', requires_grad=True)
        if not torch.cuda.is_available() and network.base and 'SyncBN' in str(network.model):
            lines.append('# Synchronised batch norm needs a GPU.')
            for key in ('backbone', *network.heads()):
                if 'norm_cfg' in network.model.get(key, {}):
                    changes.setdefault(key, {})['norm_cfg'] = norm  # type: ignore[assignment]
        if self.weights:
            changes.setdefault('backbone', {})['init_cfg'] = self._weights()  # type: ignore
        if network.base:
            return [*lines, f'model = {dict_text(changes)}']
        model = {k: {**v, **changes[k]} if k in changes else v for k, v in network.model.items()}
        if not torch.cuda.is_available():
            model = _without_sync(model)
        return [*lines, f'model = {dict_text(model)}']

    def _weights(self) -> dict | None:
        if self.weights == 'none':
            return None
        if '://' in str(self.weights):
            checkpoint = self.weights
        elif not Path(str(self.weights)).is_file():
            raise UserError(f"weights '{self.weights}' do not exist; give a file, or none")
        else:
            checkpoint = os.path.abspath(str(self.weights))
        return dict(_delete_=True, type='Pretrained', checkpoint=checkpoint)

    def write_workflow(self, method: str) -> None:
        """Write the workflow and the README."""
        stages = ['supervised', method] + ['oracle'] * self.parts.all_masks
        values = dict(
            name=self.project.folder.name,
            method=TITLES[method],
            labeled=len(self.parts.labeled),
            train=len(self.parts.train),
            unlabeled=len(self.parts.train) - len(self.parts.labeled),
            val=len(self.parts.val),
            oracle=f"\n    '{ORACLE_SENTENCE} '" if self.parts.all_masks else '',
            stages=''.join(
                f"    dict(name='{name}', type='TrainStage', config='{HERE}/{name}.py'),\n"
                for name in stages
            ),
            results=stages,
            stage=method,
            decisions='\n'.join(f'| {n} | {v} | {w} |' for n, v, w in self.project.decisions),
        )
        self.project.write(WORKFLOW, WORKFLOW_TEXT.format(**values))
        self.project.write('README.md', README.format(**values))


def _without_sync(value):
    """A model whose batch norm is not synchronised between GPUs."""
    if isinstance(value, dict):
        return {key: _without_sync(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_without_sync(item) for item in value)
    return 'BN' if value == 'SyncBN' else value


def _unimatch(sizes: Sizes, length: int) -> str:
    return UNIMATCH.format(bases=bases('./common.py', 'methods/unimatch'))


def _advsemi(sizes: Sizes, length: int) -> str:
    return ADVSEMI.format(
        bases=bases('./common.py', 'methods/advsemi'),
        strides=discriminator_strides(sizes.crop[0]),
        start=max(1, length // 4),
        length=length,
        rate='1e-4' if length >= 10000 else '1e-3',
    )


METHODS: dict[str, Callable[[Sizes, int], str]] = dict(unimatch=_unimatch, advsemi=_advsemi)
"""Text of the config of each method."""

TITLES = dict(unimatch='UniMatch', advsemi='AdvSemiSeg')

SUPERVISED = """\
# The baseline: the same network and schedule, with the labeled images alone.
_base_ = './common.py'
train_dataloader = dict(_delete_=True, labeled=_base_.train_dataloader.labeled)
"""

ORACLE = """\
# The upper bound: the baseline with the masks of all training images.
_base_ = './supervised.py'
labeled_list = '{train}'
"""

UNIMATCH = """\
# UniMatch: predictions of an image, where they are certain, teach those of its strong views.
{bases}
model = _base_.unimatch
train_dataloader = dict(unlabeled=dict(dataset=dict(pipeline=_base_.strong_views_pipeline)))
optim_wrapper = dict(
    _delete_=True, constructor='MultiOptimWrapperConstructor', segmentor=_base_.optim_wrapper
)
"""

ADVSEMI = """\
# AdvSemiSeg: a discriminator learns to tell predictions from label maps, and where it is deceived,
# predictions of unlabeled images are taken for labels.
{bases}
model = _base_.advsemi
# Halvings in proportion to the crop; self-teaching starts after a quarter of {length} iterations.
model.discriminator.network.update(strides={strides})
model.update(semi_start={start})
optim_wrapper = dict(
    _delete_=True,
    constructor='MultiOptimWrapperConstructor',
    segmentor=_base_.optim_wrapper,
    # The paper's rate is 1e-4, for 20,000 iterations.
    discriminator=dict(
        type='OptimWrapper', optimizer=dict(type='Adam', lr={rate}, betas=(0.9, 0.99))
    ),
)
"""

ORACLE_SENTENCE = '`oracle` has the masks of all training images: the upper bound.'

WORKFLOW_TEXT = """\
# All trainings of this folder, compared: les run FOLDER
title = '{name}: {method} with {labeled} of {train} labels'
introduction = (
    '`supervised` learns from the {labeled} labeled images alone, `{stage}` also from the '
    '{unlabeled} others without their masks. '{oracle}
    'Judged on {val} images.'
)
stages = [
{stages}]
results = {results!r}
"""

README = """\
# {name}

{method} with masks for {labeled} of {train} training images, and its baseline. `les new semi` wrote
it; change what you like. In the folder that holds this one:

```shell
les check {name}/                    # reads every file once
les run {name}/ --seeds 0 1 2        # trains what is missing; goes on after an interruption
les report {name}/                   # prints the path of report.html
```

`common.py` has the images, the network and the schedule; `{stage}.py` has the method. Compare
`{stage}` with `supervised`, and the difference with its spread over the seeds.

| decided | value | because |
|---|---|---|
{decisions}
"""

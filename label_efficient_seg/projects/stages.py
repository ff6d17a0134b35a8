"""Stages of a project: the configs of its folder, and how its workflow runs them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from .plan import is_short
from .project import CONFIGS, HERE


@dataclass(frozen=True)
class Stage:
    """A stage of the workflow of a project, and the config that it runs.

    Attributes:
        name (str): Of the stage and of its config.
        text (str): Of the config; empty if the stage runs that of another one.
        type (str): Of the stage.
        settings (Mapping): Its further arguments in the workflow.
        results (tuple[str, ...]): Metrics that the report compares, the most important one first;
            an empty name is the leading metric of the stage.
        share (float): Of the iterations of a training.
        timed_as (str): Stage whose iterations take as long; empty to measure its own.
        trial (Mapping): Options of the config for measuring, by dotted key.
        passes (float): How often a job reads each training image with the network.
    """

    name: str
    text: str = ''
    type: str = 'TrainStage'
    settings: Mapping[str, Any] = field(default_factory=dict)
    results: tuple[str, ...] = ('',)
    share: float = 1.0
    timed_as: str = ''
    trial: Mapping[str, Any] = field(default_factory=dict)
    passes: float = 0.0

    def entry(self) -> dict[str, Any]:
        """Its dict in the workflow."""
        config = dict(config=config_path(self.name)) if self.text else {}
        return dict(name=self.name, type=self.type, **config, **self.settings)


def config_path(name: str) -> str:
    """The config of a stage, as the workflow names it."""
    return f'{HERE}/{name}.py'


def compared(stages: Iterable[Stage]) -> list[str]:
    """What a report compares: the first metric of each stage, then the second; trainings first."""
    ordered = sorted(stages, key=lambda stage: stage.type != 'TrainStage')
    columns = [
        [f'{stage.name}.{metric}'.rstrip('.') for metric in stage.results] for stage in ordered
    ]
    return [name for row in zip_longest(*columns) for name in row if name]


def bases(*names: str) -> str:
    """The line ``_base_`` of a config: files beside it, or shipped parts such as ``methods/x``."""
    paths = [name if name[0] == '.' else f'{CONFIGS}/_base_/{name}.py' for name in names]
    if len(paths) == 1:
        return f"_base_ = '{paths[0]}'"
    return '_base_ = [\n' + ''.join(f"    '{path}',\n" for path in paths) + ']'


def dict_text(value: object, indent: int = 0) -> str:
    """A nested dict as configs are written: one line each if they fit."""
    if not isinstance(value, dict) or not value:
        return repr(value)
    plain = all(str(key).isidentifier() for key in value)
    items = [
        f'{key if plain else repr(key)}{"=" if plain else ": "}{dict_text(item, indent + 4)}'
        for key, item in value.items()
    ]
    start, end = ('dict(', ')') if plain else ('{', '}')
    line = f'{start}{", ".join(items)}{end}'
    if len(line) + indent <= 80 and '\n' not in line:
        return line
    space = ' ' * (indent + 4)
    return f'{start}\n' + ''.join(f'{space}{item},\n' for item in items) + ' ' * indent + end


def optimizers(segmentor: str = '_base_.optim_wrapper', **others: Mapping[str, Any]) -> str:
    """Lines of a config: the optimizer of the network, and those of other parts of the model.

    Args:
        segmentor (str): Text of the wrapper of the network's optimizer.
        **others (Mapping): Optimizer of each part.
    """
    lines = [f"    {name}=dict(type='OptimWrapper', optimizer={dict_text(dict(optimizer), 4)}),"
             for name, optimizer in others.items()]  # fmt: skip
    return '\n'.join([
        'optim_wrapper = dict(',
        '    _delete_=True,',
        "    constructor='MultiOptimWrapperConstructor',",
        f'    segmentor={segmentor},',
        *lines,
        ')',
    ])  # fmt: skip


def discriminator_optimizer(length: int) -> dict[str, Any]:
    """Adam for a discriminator: the paper's rate is 1e-4, with which a short training moves little.

    Args:
        length (int): Iterations.
    """
    return dict(type='Adam', lr=1e-3 if is_short(length) else 1e-4, betas=(0.9, 0.99))


def iterations_text(length: int, share: float = 1.0) -> str:
    """Lines of a config: how long to train, and when to validate, save and log.

    Args:
        length (int): Iterations of the longest training of the project.
        share (float): Of these.
    """
    length = max(2, round(length * share))
    interval = max(1, length // 2)
    return (
        f"train_cfg = dict(type='StreamIterTrainLoop', max_iters={length}, "
        f'val_interval={interval})\n'
        f'default_hooks = dict(checkpoint=dict(interval={interval}), '
        f'logger=dict(interval={max(1, length // 20)}))\n'
    )

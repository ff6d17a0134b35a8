"""What a workflow is made of."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.registry import Registry

from ..core.errors import RunError, UserError
from ..core.logs import read_scalars, read_test_metrics
from ..core.stack_internals import parse_option
from ..engine.checkpoint import latest_checkpoint
from ..engine.launch import load_config
from .html_report import Report
from .references import find_references
from .verdicts import CLASS_IOU

STAGES = Registry('stage')
LEADING = ('mIoU', 'hIoU', 'mAP')
"""What the metrics that stand for a run begin with."""


@dataclass
class Result:
    """What a finished stage leaves.

    Attributes:
        outputs (dict[str, Path]): A file or folder for each name in ``Stage.outputs``.
        metrics (dict[str, float]): Such as ``mIoU``, the most important one first.
        note (str): What a reader of the metrics has to know.
    """

    outputs: dict[str, Path] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    note: str = ''


class Stage:
    """One step of a workflow: a tool that runs in a folder of its own.

    A subclass is registered in ``STAGES``, takes its settings as arguments of its constructor and
    keeps them as attributes. Strings in them may hold references, ``{stage.output}``. A workflow
    makes one object with references, for ``definition`` and ``steps``, and then one for each run,
    in which they are replaced by absolute paths, for ``arguments`` and ``collect``.

    The tool must end with a status other than 0 when it fails, and when it is started again in
    its folder after a kill it must go on, or start over, and leave the same in the end.
    """

    outputs: tuple[str, ...] = ()
    """Names that other stages may refer to."""

    tool: str
    """Verb of the command ``les``, such as ``train``, or the absolute path of a Python program."""

    distributed = False
    """Whether the tool can run in several processes, with ``--launcher pytorch``."""

    progress = re.compile(r': *(\d+)/(\d+) \(')
    """Finds in a line of its output how much is done, and of how much; as ``Progress`` writes."""

    steps = 100
    """How long it takes, roughly, in iterations of a training; for the display of progress."""

    measured_on = 'test_dataloader'
    """Part of its config that says which images its metrics are of."""

    def arguments(self, folder: Path, seed: int) -> list[str]:
        """The tool's command line.

        Args:
            folder (Path): Where it has to write.
            seed (int): Random seed.
        """
        raise NotImplementedError(f'{type(self).__name__} must implement arguments')

    def definition(self, seed: int) -> Any:
        """All that determines the result, apart from inputs, as what JSON can hold.

        A stage whose definition has changed runs again.

        Args:
            seed (int): Random seed.
        """
        return dict(vars(self), seed=seed)

    def collect(self, folder: Path) -> Result:
        """Find what the tool left.

        Args:
            folder (Path): Where it wrote.
        """
        raise NotImplementedError(f'{type(self).__name__} must implement collect')

    def describe(self, report: Report, folder: Path) -> None:
        """Add to a report what there is to see of the finished stage; nothing by default.

        Args:
            report (Report): Changed in place.
            folder (Path): Where the tool wrote.
        """


@STAGES.register_module()
class TrainStage(Stage):
    """Trains a config with ``les train``; its metrics are those of the validation.

    Args:
        config (str): Config file, or name of a shipped config.
        cfg_options (dict, optional): Values to override, by dotted key.
        checkpoint (str): Which one it hands on, and whose metrics it reports: ``'last'`` or
            ``'best'``.
        criterion (str, optional): What ``'best'`` means, by the name of a validation metric:
            ``'mIoU'``, or ``'entropy'``, which needs no labels and is best when least.
        seed_offset (int): Added to the seed, so that a training and the one that continues it do
            not read the same crops in the same order.
        amp (bool): Mixed precision.

    Raises:
        ValueError: If ``checkpoint`` is neither of the two, or ``'best'`` without criterion.
    """

    outputs = ('checkpoint', 'config')
    tool = 'train'
    distributed = True
    measured_on = 'val_dataloader'
    progress = re.compile(r'Iter\(train\) *\[ *(\d+)/(\d+)\]')

    def __init__(
        self,
        config: str,
        cfg_options: dict | None = None,
        checkpoint: str = 'last',
        criterion: str | None = None,
        seed_offset: int = 0,
        amp: bool = False,
    ) -> None:
        if checkpoint not in ('last', 'best') or (checkpoint == 'best') != bool(criterion):
            raise UserError(
                "checkpoint must be 'last', or 'best' together with a criterion such as 'mIoU' "
                f"or 'entropy', got checkpoint={checkpoint!r} and criterion={criterion!r}"
            )
        self.config, self.cfg_options = config, dict(cfg_options or {})
        self.criterion, self.seed_offset, self.amp = criterion, seed_offset, amp
        if criterion:
            rule = 'less' if criterion == 'entropy' else 'greater'
            hook = {'save_best': criterion, 'rule': rule}
            self.cfg_options |= {f'default_hooks.checkpoint.{k}': v for k, v in hook.items()}

    @property
    def learns_from_stages(self) -> bool:
        """Whether its data are, in part, what other stages leave."""
        return any(
            'dataloader' in key and find_references(value)
            for key, value in self.cfg_options.items()
        )

    @cached_property
    def _content(self) -> Config | None:
        return config_content(self.config, self.cfg_options)

    @property
    def steps(self) -> int:  # type: ignore[override]
        return self._content.train_cfg.max_iters if self._content else Stage.steps

    def definition(self, seed: int) -> Any:
        content = self._content.to_dict() if self._content else [self.config, self.cfg_options]
        made = dict(content=content, criterion=self.criterion, seed=seed + self.seed_offset)
        return dict(made, amp=True) if self.amp else made

    def arguments(self, folder: Path, seed: int) -> list[str]:
        options = command_line_options(
            {**self.cfg_options, 'randomness.seed': seed + self.seed_offset}
        )
        half = ['--amp'] if self.amp else []
        return [self.config, '--work-dir', str(folder), '--resume', *half, *options]

    def collect(self, folder: Path) -> Result:
        """Find the checkpoint and its metrics.

        Raises:
            RuntimeError: If the run left no checkpoint, or no best one.
        """
        scalars = read_scalars(folder)
        path, index, note = latest_checkpoint(folder), -1, ''
        if self.criterion:
            steps, values = scalars[self.criterion]
            index = int(np.nanargmax(-values if self.criterion == 'entropy' else values))
            path = folder / f'best_{self.criterion.replace("/", "_")}_iter_{steps[index]}.pth'
            note = f'at iteration {steps[index]}, chosen '
            note += 'without' if self.criterion == 'entropy' else 'with'
            note += ' the labels of the validation set'
        if path is None or not Path(path).is_file():
            raise RunError(
                f'the training in {folder} left no checkpoint {path or ""}; see '
                'default_hooks.checkpoint of its config'
            )
        # MMEngine writes the prefix of a metric before a slash: 'multi-label/mAP'.
        names = sorted(n for n in scalars if n.split('/')[-1].startswith(LEADING))
        names += [n for n in scalars if n in ('entropy', self.criterion) and n not in names]
        names += [n for n in scalars if n.startswith(CLASS_IOU)]
        return Result(
            outputs=dict(
                checkpoint=folder / Path(path).name,
                config=folder / f'{Path(self.config).stem}.py',
            ),
            # Logged in single precision.
            metrics={name: round(float(scalars[name].values[index]), 4) for name in names},
            note=note,
        )


@STAGES.register_module()
class TestStage(Stage):
    """Tests a checkpoint with ``les test``.

    Args:
        config (str): Config file, or name of a shipped config.
        checkpoint (str): Checkpoint file.
        cfg_options (dict, optional): Values to override, by dotted key.
    """

    tool = 'test'
    distributed = True
    progress = re.compile(r'Iter\(test\) *\[ *(\d+)/(\d+)\]')

    def __init__(self, config: str, checkpoint: str, cfg_options: dict | None = None) -> None:
        self.config, self.checkpoint = config, checkpoint
        self.cfg_options = dict(cfg_options or {})

    def definition(self, seed: int) -> Any:
        content = config_content(self.config, self.cfg_options)
        content = content.to_dict() if content else [self.config, self.cfg_options]
        return dict(content=content, checkpoint=self.checkpoint)

    def arguments(self, folder: Path, seed: int) -> list[str]:
        options = command_line_options(self.cfg_options)
        return [self.config, self.checkpoint, '--work-dir', str(folder), *options]

    def collect(self, folder: Path) -> Result:
        """Find the metrics.

        Raises:
            RunError: If there is no readable file of metrics.
        """
        metrics = read_test_metrics(folder)
        if not metrics:
            raise RunError(
                f'the test in {folder} left no metrics; delete the folder and run it again'
            )
        leading = sorted(name for name in metrics if name.startswith(LEADING))
        return Result(metrics={name: metrics[name] for name in leading or sorted(metrics)})


def config_content(config: str, cfg_options: dict) -> Config | None:
    """The complete config of a stage, the same in whatever folder it runs.

    Args:
        config (str): Config file, or name of a shipped config.
        cfg_options (dict): Values to override, by dotted key; they may hold references.

    Returns:
        Config | None: None if the config itself is what another stage leaves.
    """
    if find_references(config):
        return None
    return load_config(config, work_dir='work_dir', cfg_options=cfg_options)


def command_line_options(options: Mapping[str, Any]) -> list[str]:
    """Options of a config as the tools read them.

    Args:
        options (Mapping[str, Any]): Values by dotted key; dicts are merged into the config's.

    Returns:
        list[str]: ``--cfg-options key=value ...``; empty if there is no option.

    Raises:
        ValueError: If a value would be read as another one, as spaces in text are dropped.
    """
    words = []
    for key, value in _flat(options):
        if _read(str(value)) != value:
            raise UserError(
                f'{key}={value!r} cannot be given on a command line, where spaces, commas and '
                'brackets have a meaning; write it into a config file that inherits from this '
                'one, or choose a path without them'
            )
        words.append(f'{key}={value}')
    return ['--cfg-options', *words] if words else []


def _flat(options: Mapping[str, Any], prefix: str = '') -> Iterator[tuple[str, Any]]:
    for key, value in options.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f'{prefix}{key}.')
        else:
            yield f'{prefix}{key}', value


def _read(text: str) -> Any:
    try:
        return parse_option(text)
    except AssertionError:  # unbalanced brackets
        return None

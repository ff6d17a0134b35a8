"""The ranking of target images as a stage of a workflow."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from .html_report import Report
from .stages import STAGES, Result, Stage, command_line_options, config_content


@STAGES.register_module()
class EntropyRankStage(Stage):
    """Divides target images into easy and hard ones with ``tools/rank_target.py``.

    It hands on the lists ``easy`` and ``hard`` and the folder ``pseudo_masks``; its metrics are
    the numbers of images and their mean score. See :class:`EntropyRanking`.

    Args:
        config (str): Config file, or name of a shipped config.
        checkpoint (str): Checkpoint file.
        cfg_options (dict, optional): Values to override, by dotted key.
        ratio (float): Easy share of the images.
        normalize_rare (bool): Whether to normalise scores by the number of rare classes.
        rare_classes (Sequence[str], optional): Their names; those of Cityscapes if absent.
        stream (str): Stream of the target images.

    Raises:
        ValueError: If there are rare classes, but scores are not normalised.
    """

    outputs = ('easy', 'hard', 'pseudo_masks')
    tool = 'rank_target.py'
    distributed = True

    def __init__(
        self,
        config: str,
        checkpoint: str,
        cfg_options: dict | None = None,
        ratio: float = 0.67,
        normalize_rare: bool = False,
        rare_classes: Sequence[str] | None = None,
        stream: str = 'target',
    ) -> None:
        if rare_classes and not normalize_rare:
            raise UserError('rare_classes has no effect without normalize_rare=True')
        self.config, self.checkpoint = config, checkpoint
        self.cfg_options = dict(cfg_options or {})
        self.ratio, self.stream = ratio, stream
        self.normalize_rare, self.rare_classes = normalize_rare, list(rare_classes or ())

    def definition(self, seed: int) -> Any:
        content = config_content(self.config, self.cfg_options)
        content = content.to_dict() if content else [self.config, self.cfg_options]
        settings = dict(vars(self), content=content)
        del settings['config'], settings['cfg_options']
        return settings

    def arguments(self, folder: Path, seed: int) -> list[str]:
        words = [self.config, self.checkpoint, '--out', str(folder), '--ratio', str(self.ratio)]
        words += ['--stream', self.stream]
        if self.normalize_rare:
            words.append('--normalize-rare')
        if self.rare_classes:
            words += ['--rare-classes', *self.rare_classes]
        return words + command_line_options(self.cfg_options)

    def collect(self, folder: Path) -> Result:
        summary = json.loads((folder / 'ranking.json').read_text())
        return Result(
            outputs=dict(
                easy=folder / 'easy.txt',
                hard=folder / 'hard.txt',
                pseudo_masks=folder / 'pseudo_masks',
            ),
            metrics={name: summary[name] for name in ('easy', 'hard', 'mean_score')},
            note='normalised by rare classes' * summary['normalize_rare'],
        )

    def describe(self, report: Report, folder: Path) -> None:
        report.heading('Easy and hard images')
        report.plot(folder / 'histogram.png', 'Scores of the images, and where they are divided.')
        report.gallery(
            [
                (folder / 'panels' / 'easiest.png', 'The easiest images.'),
                (folder / 'panels' / 'border.png', 'The last easy and the first hard images.'),
                (folder / 'panels' / 'hardest.png', 'The hardest images.'),
            ]
        )

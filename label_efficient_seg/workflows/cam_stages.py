"""Class activation maps, and their refinement by a CRF, as stages of a workflow."""

import json
from pathlib import Path
from typing import Any

from .html_report import Report
from .stages import STAGES, Result, Stage, command_line_options, config_content


class ImageStage(Stage):
    """Processes the images of a config's ``test_dataloader``.

    Args:
        config (str): Config file, or name of a shipped config.
        cfg_options (dict, optional): Values to override, by dotted key.
    """

    distributed = True

    def __init__(self, config: str, cfg_options: dict | None = None) -> None:
        self.config, self.cfg_options = config, dict(cfg_options or {})

    def definition(self, seed: int) -> Any:
        content = config_content(self.config, self.cfg_options)
        content = content.to_dict() if content else [self.config, self.cfg_options]
        settings = dict(vars(self), content=content)
        del settings['config'], settings['cfg_options']
        return settings


@STAGES.register_module()
class CAMStage(ImageStage):
    """Writes class activation maps with ``tools/make_cams.py``.

    It hands on the folder ``cams``. Where the images have masks, its metrics are the mean IoU at
    the best threshold, that threshold, and the mean IoU at alpha. See :class:`CAMInference`.

    Args:
        config (str): Config file, or name of a shipped config.
        checkpoint (str): Checkpoint file of the classifier.
        cfg_options (dict, optional): Values to override, by dotted key.
        alpha (float): Power of the background.
    """

    outputs = ('cams',)
    tool = 'make_cams.py'

    def __init__(
        self, config: str, checkpoint: str, cfg_options: dict | None = None, alpha: float = 16
    ) -> None:
        super().__init__(config, cfg_options)
        self.checkpoint, self.alpha = checkpoint, alpha

    def arguments(self, folder: Path, seed: int) -> list[str]:
        words = [self.config, self.checkpoint, '--out', str(folder), '--alpha', str(self.alpha)]
        return words + command_line_options(self.cfg_options)

    def collect(self, folder: Path) -> Result:
        summary = json.loads((folder / 'cams.json').read_text())
        names = ('mIoU', 'threshold', f'mIoU_alpha{self.alpha:g}')
        return Result(
            outputs=dict(cams=folder / 'cams'),
            metrics={name: summary[name] for name in names if name in summary},
            note='' if summary['tags'] == 'predicted' else f'tags given: {summary["tags"]}',
        )

    def describe(self, report: Report, folder: Path) -> None:
        report.heading('Class activation maps')
        if (folder / 'thresholds.png').exists():
            report.plot(folder / 'thresholds.png', 'mIoU over the threshold of the background.')
        panels = sorted((folder / 'panels').glob('*.png'))
        report.gallery([(panel, 'Images at equal distances in the list.') for panel in panels])


@STAGES.register_module()
class AffinityScoreStage(ImageStage):
    """Refines CAMs by a CRF with ``tools/make_affinity_scores.py``.

    It hands on the folder ``scores``. Its metrics, in percent, are the shares of the pixels from
    which AffinityNet can learn and, where the images have masks, how many of them are right and
    the mean IoU of both refinements. See :class:`AffinityScores`.

    Args:
        config (str): Config file, or name of a shipped config.
        cams (str): Folder of CAMs.
        cfg_options (dict, optional): Values to override, by dotted key.
        low_alpha (float): Power that overrates the background.
        high_alpha (float): Power that underrates it.
    """

    outputs = ('scores',)
    tool = 'make_affinity_scores.py'

    def __init__(
        self,
        config: str,
        cams: str,
        cfg_options: dict | None = None,
        low_alpha: float = 4,
        high_alpha: float = 32,
    ) -> None:
        super().__init__(config, cfg_options)
        self.cams, self.low_alpha, self.high_alpha = cams, low_alpha, high_alpha

    def arguments(self, folder: Path, seed: int) -> list[str]:
        words = [self.config, '--cams', self.cams, '--out', str(folder)]
        words += ['--low-alpha', str(self.low_alpha), '--high-alpha', str(self.high_alpha)]
        return words + command_line_options(self.cfg_options)

    def collect(self, folder: Path) -> Result:
        summary = json.loads((folder / 'scores.json').read_text())
        names = ('accuracy', 'foreground', 'background', 'neutral', 'mIoU_low', 'mIoU_high')
        return Result(
            outputs=dict(scores=folder / 'scores'),
            metrics={name: summary[name] for name in names if name in summary},
        )

"""The pseudo masks of refined CAMs as a stage of a workflow."""

import json
from pathlib import Path

from .cam_stages import ImageStage
from .html_report import Report
from .stages import STAGES, Result, command_line_options


@STAGES.register_module()
class PseudoMaskStage(ImageStage):
    """Refines CAMs and writes pseudo masks with ``tools/make_pseudo_masks.py``.

    It hands on the folder ``pseudo_masks``. Where the images have masks, its metrics are the mean
    IoU of the pseudo masks, of the CAMs, and after the walk alone. See :class:`PseudoMasks`.

    Args:
        config (str): Config file, or name of a shipped config.
        checkpoint (str): Checkpoint file of the AffinityNet.
        cams (str): Folder of CAMs.
        cfg_options (dict, optional): Values to override, by dotted key, such as ``model.beta``.
        alpha (float): Power of the background.
        crf (bool): Whether a CRF follows the walk.
        min_confidence (float): Share of all scores below which a pixel becomes neutral.
    """

    outputs = ('pseudo_masks',)
    tool = 'make_pseudo_masks.py'

    def __init__(
        self,
        config: str,
        checkpoint: str,
        cams: str,
        cfg_options: dict | None = None,
        alpha: float = 16,
        crf: bool = True,
        min_confidence: float = 0,
    ) -> None:
        super().__init__(config, cfg_options)
        self.checkpoint, self.cams = checkpoint, cams
        self.alpha, self.crf, self.min_confidence = alpha, crf, min_confidence

    def arguments(self, folder: Path, seed: int) -> list[str]:
        words = [self.config, self.checkpoint, '--cams', self.cams, '--out', str(folder)]
        words += ['--alpha', str(self.alpha), '--min-confidence', str(self.min_confidence)]
        if not self.crf:
            words.append('--no-crf')
        return words + command_line_options(self.cfg_options)

    def collect(self, folder: Path) -> Result:
        summary = json.loads((folder / 'pseudo_masks.json').read_text())
        names = ['mIoU', 'mIoU_cam', 'mIoU_walk'] + ['neutral'] * bool(self.min_confidence)
        return Result(
            outputs=dict(pseudo_masks=folder / 'pseudo_masks'),
            metrics={name: summary[name] for name in names if name in summary},
            note='without neutral pixels' * bool(self.min_confidence),
        )

    def describe(self, report: Report, folder: Path) -> None:
        report.heading('Pseudo masks')
        panels = sorted((folder / 'panels').glob('*.png'))
        report.gallery([(panel, 'Images at equal distances in the list.') for panel in panels])

"""The making of object proposals as a stage of a workflow."""

import json
from pathlib import Path

from ..datasets.proposals import check_method
from .cam_stages import ImageStage
from .html_report import Report
from .stages import STAGES, Result, command_line_options


@STAGES.register_module()
class ProposalStage(ImageStage):
    """Makes object proposals with ``tools/make_proposals.py``.

    It hands on the folder ``proposals``. Where the images have masks, its metrics are the shares
    of objects in percent that 50 proposals, and that all of them, overlap by an IoU of at least
    0.5. See :class:`ProposalMaking`.

    Args:
        config (str): Config file, or name of a shipped config.
        cfg_options (dict, optional): Values to override, by dotted key.
        method (str): ``'windows'``, ``'edge_boxes'`` or ``'selective_search'``.
        num (int): Number of proposals of an image at most.

    Raises:
        ValueError: If there is no such method, or the number is not positive.
    """

    outputs = ('proposals',)
    tool = 'make_proposals.py'

    def __init__(
        self,
        config: str,
        cfg_options: dict | None = None,
        method: str = 'windows',
        num: int = 2000,
    ) -> None:
        check_method(method, num)
        super().__init__(config, cfg_options)
        self.method, self.num = method, num

    def arguments(self, folder: Path, seed: int) -> list[str]:
        words = [self.config, '--out', str(folder), '--method', self.method]
        words += ['--num', str(self.num)]
        return words + command_line_options(self.cfg_options)

    def collect(self, folder: Path) -> Result:
        recall = json.loads((folder / 'proposals.json').read_text()).get('recall', {})
        values = recall.get('0.5', {})
        counts = [count for count in ('50', str(self.num)) if count in values]
        return Result(
            outputs=dict(proposals=folder / 'proposals'),
            metrics={f'recall_{count}': values[count] for count in counts},
        )

    def describe(self, report: Report, folder: Path) -> None:
        report.heading('Object proposals')
        if (folder / 'recall.png').exists():
            report.plot(folder / 'recall.png', 'Objects found over the number of proposals.')
        panels = sorted((folder / 'panels').glob('*.png'))
        report.gallery([(panel, 'Images at equal distances in the list.') for panel in panels])

"""Writes the proposals of a dataset's images, and says how many objects they find."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from torchvision.ops import box_iou

from ..datasets.files.instances import object_boxes
from ..datasets.files.proposal_files import read_proposals, write_proposals
from ..datasets.proposals import make_proposals
from ..job_settings import ProposalSettings
from ..visualization import make_proposal_panel, plot_recall
from .base import ImageFileJob
from .image_loop import OriginalFiles

COUNTS = (10, 50, 100, 200, 500, 1000, 2000)
MIN_IOUS = (0.5, 0.7)
# What shows of an object behind another may be a sliver, which no proposal is meant to find.
MIN_SIDE = 8


class ProposalJob(ImageFileJob):
    """Writes boxes that may hold an object, for DeconvNet, and how many objects they find.

    See :class:`ProposalSettings`.

    Files in the folder, besides those of every :class:`ImageFileJob`::

        proposals/<id>.npz  boxes as :func:`read_proposals` gives them
        recall.png          recall over the number of proposals; only if the images have masks

    The recall at an IoU is the share of objects that any of an image's best proposals overlaps by
    as much. Objects are those of :func:`object_boxes` without instance masks, if their boxes are
    at least 8 pixels wide and high.
    """

    Settings = ProposalSettings
    name, what, verb = 'proposals', 'proposals', 'proposals'
    outputs = dict(proposals='proposals')
    files = dict(proposals='.npz')
    reads_photos = True
    title = 'Object proposals'
    plots = {'recall.png': 'Objects found over the number of proposals.'}

    @staticmethod
    def key_metrics(summary: Mapping[str, Any]) -> dict[str, float]:
        values = summary.get('recall', {}).get('0.5', {})
        counts = [count for count in ('50', str(summary['num'])) if count in values]
        return {f'recall_{count}': values[count] for count in counts}

    def process(self, name: str, batch: dict) -> None:
        found = make_proposals(batch['image'][0], self.settings.method, self.settings.num)
        write_proposals(self.path(name), found, run=self.run_name)

    def evaluate(self) -> dict[str, Any]:
        counts = sorted({*(c for c in COUNTS if c < self.settings.num), self.settings.num})
        found = torch.zeros(len(MIN_IOUS), len(counts), dtype=torch.int64)
        total = torch.zeros(2, dtype=torch.int64)  # proposals, and objects

        def work(name: str, batch: dict) -> None:
            boxes = read_proposals(self.path(name), self.run_name).boxes
            objects = _objects(batch['mask'][0]) if 'mask' in batch else np.zeros((0, 4))
            total.add_(torch.tensor([len(boxes), len(objects)]))
            overlaps = box_iou(torch.as_tensor(objects).double(), torch.as_tensor(boxes).double())
            overlaps = overlaps.numpy()
            for column, count in enumerate(counts):
                best = overlaps[:, :count].max(axis=1, initial=0)
                found[:, column] += torch.tensor([(best >= iou).sum() for iou in MIN_IOUS])

        self.count(work, found, total)
        proposals, objects = total.tolist()
        number = len(self.ids)
        metrics = dict(images=number, proposals_per_image=round(proposals / number, 1))
        if not self.labeled:
            print_log('the images have no masks: proposals are written, not evaluated', 'current')
            return metrics
        shares = (100 * found / max(objects, 1)).tolist()
        return metrics | dict(
            objects=objects,
            recall={
                f'{iou:g}': {str(c): round(value, 2) for c, value in zip(counts, row, strict=True)}
                for iou, row in zip(MIN_IOUS, shares, strict=True)
            },
        )

    def finish(self, metrics: dict[str, Any]) -> None:
        self.write_panels(self._panel)
        if 'recall' in metrics:
            lines = {
                f'IoU {iou}': {int(count): value for count, value in values.items()}
                for iou, values in metrics['recall'].items()
            }
            plot_recall(lines, self.out_dir / 'recall.png')

    def _panel(self, indices: list[int]) -> np.ndarray:
        (index,) = indices
        name, item = self.ids[index], OriginalFiles(self.dataset)[index]
        boxes = read_proposals(self.path(name), self.run_name).boxes
        objects = _objects(item['mask']) if 'mask' in item else None
        return make_proposal_panel(item['image'], boxes, objects, caption=name)


def _objects(mask: np.ndarray) -> np.ndarray:
    """Boxes of a mask's objects without slivers, shape (K, 4)."""
    boxes = np.array([box for _, box in object_boxes(mask)], int).reshape(-1, 4)
    return boxes[(boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= MIN_SIDE]

"""Writes the proposals of a dataset's images, and says how many objects they find."""

import copy
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import all_reduce, is_main_process
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmseg.datasets import BaseSegDataset

from ..core.atomic import write_atomically
from ..datasets.files.image_ids import image_ids
from ..datasets.files.instances import box_iou, object_boxes
from ..datasets.files.proposal_files import read_proposals, write_proposals
from ..datasets.partially_labeled import find_missing
from ..datasets.proposals import check_method, make_proposals
from ..visualization import make_proposal_panel, plot_recall, save_image
from .fingerprint import claim_folder, digest
from .image_loop import OriginalFiles, build_test_images, has_masks, init_processes, process_images

COUNTS = (10, 50, 100, 200, 500, 1000, 2000)
MIN_IOUS = (0.5, 0.7)
# What shows of an object behind another may be a sliver, which no proposal is meant to find.
MIN_SIDE = 8


class ProposalMaking:
    """Writes the proposals of images and the recall of objects over their number.

    Files in the folder::

        proposals/<id>.npz  boxes as :func:`read_proposals` gives them
        proposals.json      settings and metrics; absent until all else is complete
        recall.png          recall over the number of proposals; only if the images have masks
        panels/*.png        some of the images
        fingerprint.json

    The recall at an IoU is the share of objects that any of an image's best proposals overlaps by
    as much. Objects are those of :func:`object_boxes` without instance masks, if their boxes are
    at least 8 pixels wide and high. A run on a folder that an interrupted one left makes the
    missing files only.

    Args:
        cfg (Config): From :func:`load_config`. Images are those of ``test_dataloader``, with or
            without masks; the model is not used.
        out_dir (str | Path): Folder to write to.
        method (str): A method of :func:`make_proposals`.
        num (int): Number of proposals of an image at most.

    Raises:
        ValueError: If there is no such method, or the number is not positive.
    """

    def __init__(
        self, cfg: Config, out_dir: str | Path, *, method: str = 'windows', num: int = 2000
    ) -> None:
        check_method(method, num)
        self.cfg, self.out_dir = copy.deepcopy(cfg), Path(out_dir)
        self.method, self.num = method, num

    def run(self) -> None:
        """Write what is missing, on all processes of the launch, and the metrics.

        Raises:
            ImportError: If the installed OpenCV does not have the method.
            ValueError: If images, settings and folder do not fit each other.
        """
        init_default_scope(self.cfg.get('default_scope', 'mmseg'))
        dataset = build_test_images(self.cfg)
        ids = image_ids(dataset)
        settings = [self.cfg.test_dataloader.dataset, self.method, self.num]
        fingerprint = dict(config=digest(settings))
        init_processes(self.cfg)
        run = claim_folder(self.out_dir, fingerprint, 'proposals')
        (self.out_dir / 'proposals.json').unlink(missing_ok=True)
        self._write_proposals(dataset, ids, run)
        metrics = self._evaluate(dataset, ids, run)
        if is_main_process():
            self._write_panels(dataset, ids, run)
            self._write_summary(metrics, fingerprint)

    def _path(self, name: str) -> Path:
        return self.out_dir / 'proposals' / f'{name}.npz'

    def _write_proposals(self, dataset: BaseSegDataset, ids: Sequence[str], run: str) -> None:
        missing = find_missing(str(self.out_dir / 'proposals'), [f'{name}.npz' for name in ids])
        done = set(ids) - {name.removesuffix('.npz') for name in missing}

        def work(name: str, batch: dict) -> None:
            found = make_proposals(batch['image'][0], self.method, self.num)
            write_proposals(self._path(name), found, run=run)

        workers = self.cfg.test_dataloader.get('num_workers', 0)
        files = OriginalFiles(dataset)
        process_images(files, ids, work, 'proposals', done=done, num_workers=workers)

    def _evaluate(self, dataset: BaseSegDataset, ids: Sequence[str], run: str) -> dict:
        """Metrics of the written files; every process counts its share."""
        counts = sorted({*(c for c in COUNTS if c < self.num), self.num})
        found = torch.zeros(len(MIN_IOUS), len(counts), dtype=torch.int64)
        total = torch.zeros(2, dtype=torch.int64)  # proposals, and objects

        def work(name: str, batch: dict) -> None:
            boxes = read_proposals(self._path(name), run).boxes
            objects = _objects(batch['mask'][0]) if 'mask' in batch else np.zeros((0, 4))
            total.add_(torch.tensor([len(boxes), len(objects)]))
            overlaps = box_iou(objects, boxes)
            for column, count in enumerate(counts):
                best = overlaps[:, :count].max(axis=1, initial=0)
                found[:, column] += torch.tensor([(best >= iou).sum() for iou in MIN_IOUS])

        process_images(OriginalFiles(dataset, photos=False), ids, work, 'recall of proposals')
        all_reduce(found)
        all_reduce(total)
        proposals, objects = total.tolist()
        metrics = dict(images=len(ids), proposals_per_image=round(proposals / len(ids), 1))
        if not has_masks(dataset):
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

    def _write_panels(self, dataset: BaseSegDataset, ids: Sequence[str], run: str) -> None:
        """Images at equal distances in the list."""
        files = OriginalFiles(dataset)
        for number, index in enumerate(np.unique(np.linspace(0, len(ids) - 1, 8, dtype=int)), 1):
            item, boxes = files[index], read_proposals(self._path(ids[index]), run).boxes
            objects = _objects(item['mask']) if 'mask' in item else None
            panel = make_proposal_panel(item['image'], boxes, objects, caption=ids[index])
            save_image(panel, self.out_dir / 'panels' / f'proposals_{number}.png')

    def _write_summary(self, metrics: dict, fingerprint: dict[str, str]) -> None:
        print_log(f'{metrics}', 'current')
        if 'recall' in metrics:
            lines = {
                f'IoU {iou}': {int(count): value for count, value in values.items()}
                for iou, values in metrics['recall'].items()
            }
            plot_recall(lines, self.out_dir / 'recall.png')
        summary = metrics | dict(
            method=self.method, num=self.num, config_sha256=fingerprint['config']
        )
        write_atomically(self.out_dir / 'proposals.json', json.dumps(summary, indent=2) + '\n')


def _objects(mask: np.ndarray) -> np.ndarray:
    """Boxes of a mask's objects without slivers, shape (K, 4)."""
    boxes = np.array([box for _, box in object_boxes(mask)], int).reshape(-1, 4)
    return boxes[(boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= MIN_SIDE]

"""Writes the class activation maps of a dataset's images, and says how good they are."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log

from ..core.errors import MissingFileError, NotFiniteError, UserError
from ..core.file_walk import find_missing
from ..datasets.files.class_maps import read_class_maps, write_class_maps
from ..datasets.files.splits import more
from ..datasets.transforms import LoadImageTags
from ..evaluation import ThresholdSweep
from ..evaluation.cam_iou_metric import GIVEN_TAGS
from ..job_settings import CAMSettings
from ..ops import with_background
from ..visualization import CAMRow, make_cam_panel, plot_thresholds
from .base import ImageFileJob
from .fingerprint import read_run
from .image_loop import OriginalFiles


class CAMJob(ImageFileJob):
    """Writes class activation maps (CAMs), step 1 of AffinityNet, and their mIoU over thresholds.

    See :class:`CAMSettings`.

    Files in the folder, besides those of every :class:`ImageFileJob`::

        cams/<id>.npz       normalised CAMs of the present classes at the size of the image, the
                            map ``cam`` of :func:`read_class_maps`
        thresholds.png      mean IoU over the threshold; only if the images have masks

    All metrics are those of the written files, which hold the CAMs in float16.
    """

    Settings = CAMSettings
    name, what, verb = 'cams', 'CAMs', 'cams'
    outputs = dict(cams='cams')
    files = dict(cams='.npz')
    free_settings = ('alpha',)
    title = 'Class activation maps'
    plots = {'thresholds.png': 'mIoU over the threshold of the background.'}

    @staticmethod
    def key_metrics(summary: Mapping[str, Any]) -> dict[str, float]:
        names = ('mIoU', 'threshold', f'mIoU_alpha{summary["alpha"]:g}')
        return {name: summary[name] for name in names if name in summary}

    @staticmethod
    def note(summary: Mapping[str, Any]) -> str:
        return '' if summary['tags'] == 'predicted' else f'tags given: {summary["tags"]}'

    def process(self, name: str, batch: dict) -> None:
        sample = self.model.test_step(batch)[0]
        if 'cams' not in sample:
            raise UserError(
                f'no CAMs come from {type(self.model).__name__}; the config needs a CAMSegmentor'
            )
        classes, cams = list(sample.cam_classes), sample.cams.data.cpu().numpy()
        num_classes = len(self.dataset.metainfo['classes'])
        if strangers := [c for c in classes if not 0 < c < num_classes]:
            raise UserError(
                f"image '{name}' has a CAM of class {strangers[0]}, but the classes of the "
                f'dataset are 1 to {num_classes - 1} and the background; model and dataset do '
                'not fit each other'
            )
        if not np.isfinite(cams).all():
            raise NotFiniteError(
                f"the CAMs of image '{name}' are not finite; {self.checkpoint!r} holds broken "
                'weights'
            )
        write_class_maps(self.path(name), classes, run=self.run_name, cam=cams)

    def evaluate(self) -> dict[str, Any]:
        facts = dict(images=len(self.ids), tags=self._tag_source())
        if not self.labeled:
            print_log('the images have no masks: CAMs are written, but not evaluated', 'current')
            return facts
        sweep = ThresholdSweep(len(self.dataset.metainfo['classes']), self.settings.alpha)
        total = torch.zeros(2, sweep.num_classes, len(sweep.thresholds), dtype=torch.int64)

        def work(name: str, batch: dict) -> None:
            found = read_class_maps(self.path(name), self.run_name)
            areas = sweep.areas(found.maps['cam'], found.classes, batch['mask'][0])
            total.add_(torch.from_numpy(areas))

        self.count(work, total)
        self.result = sweep.result(total.numpy())
        if facts['tags'] != 'predicted':
            print_log(GIVEN_TAGS, 'current', logging.WARNING)
        return self.result.metrics() | facts

    def _tag_source(self) -> str:
        if getattr(self.model, 'labels', None) == 'predicted':
            return 'predicted'
        steps = self.dataset.pipeline.transforms
        from_file = any(isinstance(step, LoadImageTags) and step.from_file for step in steps)
        return 'file' if from_file else 'masks'

    def finish(self, metrics: dict[str, Any]) -> None:
        if self.labeled:
            marks = {f'alpha {self.settings.alpha:g}': self.result.alpha_threshold}
            file = self.out_dir / 'thresholds.png'
            plot_thresholds(self.result.thresholds, self.result.values, file, marks)
        self.write_panels(self._panel, 4)

    def _panel(self, indices: list[int]) -> np.ndarray:
        files, meta, rows = OriginalFiles(self.dataset), self.dataset.metainfo, []
        for index in indices:
            classes, maps, _ = read_class_maps(self.path(self.ids[index]), self.run_name)
            scores = with_background(torch.from_numpy(maps['cam'])[None], self.settings.alpha)
            prediction = np.append(0, classes)[scores.argmax(1)[0].numpy()]
            item = files[index]
            rows.append(
                CAMRow(
                    self.ids[index], item['image'], maps['cam'], classes.tolist(),
                    prediction=prediction, label=item.get('mask'),
                )
            )  # fmt: skip
        return make_cam_panel(rows, meta['classes'], meta['palette'])


def check_cams(folder: str | Path, ids: Sequence[str]) -> str:
    """Check that images have CAMs.

    Args:
        folder (str | Path): ``<out>/cams`` of a :class:`CAMJob`.
        ids (Sequence[str]): Ids of the images.

    Returns:
        str: Name of the run that wrote them.

    Raises:
        MissingFileError: If an image has none, or no :class:`CAMJob` wrote the folder.
    """
    run = read_run(folder, CAMJob.verb)
    if lost := find_missing(str(folder), [f'{name}.npz' for name in ids]):
        raise MissingFileError(
            f"'{folder}' has no '{lost[0]}'{more(lost)}; run les {CAMJob.verb} with the "
            'images of this config, and to its end'
        )
    return run

"""Writes class scores refined by the image, from which labels of affinities are made."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.device import get_device
from torch import Tensor

from ..core.errors import UserError
from ..core.labels import IGNORE
from ..datasets.files.class_maps import read_class_maps, write_class_maps
from ..evaluation import label_areas, mean_iou
from ..job_settings import AffinityScoreSettings
from ..ops import confident_labels, refine_by_image, with_background
from .base import ImageFileJob
from .cams import check_cams


class AffinityScoreJob(ImageFileJob):
    """Refines CAMs with a low and a high power of the background, step 2 of AffinityNet.

    See :class:`AffinityScoreSettings`.

    Files in the folder, besides those of every :class:`ImageFileJob`::

        scores/<id>.npz     maps ``low`` and ``high`` of :func:`read_class_maps`: scores of the
                            background and the present classes with a low and a high power

    Source: Ahn & Kwak, Learning Pixel-level Semantic Affinity, CVPR 2018.
    """

    Settings = AffinityScoreSettings
    name, what, verb = 'scores', 'scores', 'scores'
    outputs = dict(scores='scores')
    files = dict(scores='.npz')
    reads_photos = True

    @staticmethod
    def key_metrics(summary: Mapping[str, Any]) -> dict[str, float]:
        names = ('accuracy', 'foreground', 'background', 'neutral', 'mIoU_low', 'mIoU_high')
        return {name: summary[name] for name in names if name in summary}

    def inputs(self) -> dict[str, str]:
        self.cam_run = check_cams(self.settings.cams, self.ids)
        return dict(CAMs=self.cam_run)

    def process(self, name: str, batch: dict) -> None:
        image, path = batch['image'][0], Path(self.settings.cams) / f'{name}.npz'
        classes, maps, _ = read_class_maps(path, self.cam_run)
        if maps['cam'].shape[1:] != image.shape[:2]:
            raise UserError(
                f"the CAMs '{path}' have the size {maps['cam'].shape[1:]}, but image '{name}' "
                f'has {image.shape[:2]}'
            )
        cams = torch.from_numpy(maps['cam'])[None].to(get_device())
        photo = torch.from_numpy(image).permute(2, 0, 1)[None]
        low, high = (
            self._refine(with_background(cams, alpha), photo)[0].cpu().numpy()
            for alpha in (self.settings.low_alpha, self.settings.high_alpha)
        )
        write_class_maps(self.path(name), [0, *classes], run=self.run_name, low=low, high=high)

    def _refine(self, scores: Tensor, photo: Tensor) -> Tensor:
        if scores.shape[1] == 1:  # an image without any class is background everywhere
            return torch.ones_like(scores)
        return refine_by_image(scores, photo, self.settings.refinement)

    def evaluate(self) -> dict[str, float]:
        num_classes = len(self.dataset.metainfo['classes'])
        # Foreground, background and neutral pixels; confident ones with a label, and right ones.
        pixels = torch.zeros(5, dtype=torch.int64)
        areas = torch.zeros(2, 2, num_classes, dtype=torch.int64)  # low and high power

        def work(name: str, batch: dict) -> None:
            classes, maps, _ = read_class_maps(self.path(name), self.run_name)
            labels = _labels(classes, maps)
            background, neutral = (labels == 0).sum(), (labels == IGNORE).sum()
            counts = [labels.size - background - neutral, background, neutral, 0, 0]
            if 'mask' in batch:
                mask = batch['mask'][0]
                counted = (labels != IGNORE) & (mask != IGNORE)
                counts[3:] = counted.sum(), (counted & (labels == mask)).sum()
                for area, key in zip(areas, ('low', 'high'), strict=True):
                    prediction = classes[maps[key].argmax(0)]
                    area += torch.from_numpy(label_areas(prediction, mask, num_classes))
            pixels.add_(torch.tensor(counts))

        self.count(work, pixels, areas)
        return _metrics(pixels.numpy(), areas.numpy() if self.labeled else None)


def _labels(classes: np.ndarray, maps: dict[str, np.ndarray]) -> np.ndarray:
    """Class indices where both opinions leave no doubt, 255 elsewhere."""
    low, high = (torch.from_numpy(maps[key])[None] for key in ('low', 'high'))
    index = confident_labels(low, high)[0].numpy()
    return np.where(index == IGNORE, IGNORE, classes[np.where(index == IGNORE, 0, index)])


def _metrics(pixels: np.ndarray, areas: np.ndarray | None) -> dict[str, float]:
    """Shares, accuracy and mean IoU in percent."""
    shares = 100 * pixels[:3] / pixels[:3].sum()
    metrics = dict(zip(('foreground', 'background', 'neutral'), shares, strict=True))
    if areas is not None:
        accuracy = 100 * pixels[4] / max(pixels[3], 1)
        metrics = dict(accuracy=accuracy, **metrics)
        metrics |= dict(mIoU_low=mean_iou(areas[0]), mIoU_high=mean_iou(areas[1]))
    return {name: round(float(value), 2) for name, value in metrics.items()}

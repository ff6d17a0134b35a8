"""Mean IoU of class activation maps."""

import logging
from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmseg.registry import METRICS

from ..core.errors import UserError
from .cam_iou import ThresholdSweep

GIVEN_TAGS = (
    'the tags of these images were given, not predicted: the metrics hold for images whose tags '
    'are known, as in training, and on a validation set they do not compare with those of methods '
    "that predict the tags (model.labels='predicted')"
)


@METRICS.register_module()
class CAMIoUMetric(BaseMetric):
    """Mean IoU of CAMs, in percent, at the best of many thresholds of the background.

    It reports ``mIoU`` and ``threshold``, the best one over all images, and ``mIoU_alpha16``, at
    the threshold that the background's power ``alpha`` amounts to, which needs no masks to
    choose. See :class:`ThresholdSweep`.

    Args:
        alpha (float): Power of the background.
        collect_device (str): As of MMEngine's ``BaseMetric``.
        prefix (str, optional): As of MMEngine's ``BaseMetric``.
    """

    def __init__(
        self, alpha: float = 16, collect_device: str = 'cpu', prefix: str | None = None
    ) -> None:
        super().__init__(collect_device, prefix)
        self.alpha = alpha

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the pixels of each image.

        Args:
            data_batch (dict): Not used.
            data_samples (Sequence[dict]): Predictions of a ``CAMSegmentor``, with masks.

        Raises:
            ValueError: If a sample has no CAMs or no mask.
        """
        sweep = ThresholdSweep(len(self.dataset_meta['classes']), self.alpha)
        for sample in data_samples:
            if missing := [key for key in ('cams', 'gt_sem_seg') if key not in sample]:
                raise UserError(
                    f"the prediction of '{sample.get('img_path')}' has no {missing[0]}; "
                    'CAMIoUMetric needs a CAMSegmentor, and a test pipeline that loads masks'
                )
            classes = list(sample['cam_classes'])
            mask = sample['gt_sem_seg']['data'][0].cpu().numpy()
            areas = sweep.areas(sample['cams']['data'].cpu().numpy(), classes, mask)
            given = classes == list(sample.get('image_labels') or ())
            # An image has far fewer pixels than this type can count.
            self.results.append((areas.astype(np.int32), given))

    def compute_metrics(self, results: list[tuple[np.ndarray, bool]]) -> dict[str, float]:
        """Metrics over all images; a warning if all tags were given."""
        total = sum(areas.astype(np.int64) for areas, _ in results)
        if all(given for _, given in results):
            print_log(GIVEN_TAGS, 'current', logging.WARNING)
        sweep = ThresholdSweep(len(self.dataset_meta['classes']), self.alpha)
        return sweep.result(total).metrics()

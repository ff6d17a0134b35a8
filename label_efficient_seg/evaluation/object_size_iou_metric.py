"""Mean IoU by the size of objects."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from mmengine.evaluator import BaseMetric
from mmseg.registry import METRICS

from ..core.errors import UserError
from ..core.labels import IGNORE
from .cam_iou import label_areas

#: As COCO divides objects: the square root of their area, in pixels.
COCO_SIZES = dict(mIoU_small=(0, 32), mIoU_medium=(32, 96), mIoU_large=(96, float('inf')))


@METRICS.register_module()
class ObjectSizeIoUMetric(BaseMetric):
    """Mean IoU of small, medium and large objects, in percent.

    For each range of sizes, the pixels of all other objects are ignored; those of the background
    are not, so that what is found there by mistake counts against all ranges. The mean is over the
    classes with objects in the range, without the background. An object is a connected component
    of a class in the ground truth, and its size the square root of its area. It goes beside
    ``IoUMetric``::

        test_evaluator = [
            dict(type='IoUMetric', iou_metrics=['mIoU']),
            dict(type='ObjectSizeIoUMetric', sizes=dict(mIoU_small=(0, 40), mIoU_large=(40, 1e9)))]

    Args:
        sizes (Mapping[str, tuple[float, float]], optional): Names of the metrics, each with the
            least size in pixels and the one that is too large. Defaults to COCO's: below 32,
            from there to 96, and above.
        background (int): Label of pixels of no object.
        collect_device (str): As of MMEngine's ``BaseMetric``.
        prefix (str, optional): As of MMEngine's ``BaseMetric``.

    Raises:
        ValueError: If a range is empty.
    """

    def __init__(
        self,
        sizes: Mapping[str, tuple[float, float]] | None = None,
        background: int = 0,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix)
        self.sizes = dict(sizes or COCO_SIZES)
        for name, (low, high) in self.sizes.items():
            if not 0 <= low < high:
                raise UserError(
                    f'{name} of ObjectSizeIoUMetric has the sizes {low} to {high}; the first must '
                    'be at least 0 and below the second'
                )
        self.background = background

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the pixels of each image.

        Args:
            data_batch (dict): Not used.
            data_samples (Sequence[dict]): Predictions of a segmentor, with masks.
        """
        num_classes = len(self.dataset_meta['classes'])
        for sample in data_samples:
            prediction, truth = (
                sample[key]['data'][0].cpu().numpy() for key in ('pred_sem_seg', 'gt_sem_seg')
            )
            sizes = object_sizes(truth, self.background)
            areas = []
            for low, high in self.sizes.values():
                others = (truth != self.background) & ~((low <= sizes) & (sizes < high))
                kept = np.where(others, IGNORE, truth)
                counts = np.bincount(kept[kept != IGNORE], minlength=num_classes)
                areas.append([*label_areas(prediction, kept, num_classes), counts])
            self.results.append(np.stack(areas).astype(np.int32))

    def compute_metrics(self, results: list[np.ndarray]) -> dict[str, float]:
        """Metrics over all images; a range without any object is NaN."""
        totals = sum(areas.astype(np.int64) for areas in results)
        metrics = {}
        for name, (common, either, truth) in zip(self.sizes, totals, strict=True):
            present = truth > 0
            present[self.background] = False
            iou = common[present] / either[present]
            metrics[name] = round(100 * iou.mean(), 2) if len(iou) else float('nan')
        return metrics


def object_sizes(mask: np.ndarray, background: int = 0) -> np.ndarray:
    """Size of the object that each pixel belongs to.

    Args:
        mask (np.ndarray): Classes, shape (H, W); 255 is of no class.
        background (int): Label of pixels of no object.

    Returns:
        np.ndarray: Square root of the area of the connected component (of 8 neighbours) of a class,
        float64, shape (H, W); 0 for pixels of no object.
    """
    sizes = np.zeros(mask.shape)
    for label in np.unique(mask):
        if label not in (background, IGNORE):
            pixels = (mask == label).astype(np.uint8)
            _, parts, stats, _ = cv2.connectedComponentsWithStats(pixels, connectivity=8)
            areas = stats[:, cv2.CC_STAT_AREA].copy()
            areas[0] = 0  # all the rest of the image
            sizes += np.sqrt(areas)[parts]
    return sizes

"""IoU of class activation maps for all thresholds of the background at once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..core.errors import UserError
from ..core.labels import IGNORE


def alpha_threshold(alpha: float) -> float:
    """Threshold of the background that its power amounts to, the t with (1 - t)^alpha = t.

    A pixel is background in the scores with the background (1 - max_c M_c)^alpha where, and only
    where, the strongest CAM is at most t: 0.12 for alpha 16.

    Args:
        alpha (float): Power of the background, positive.

    Returns:
        float: In (0, 1).
    """
    low, high = 0.0, 1.0
    for _ in range(60):  # beyond the precision of a double
        middle = (low + high) / 2
        low, high = (middle, high) if (1 - middle) ** alpha > middle else (low, middle)
    return high


def mean_iou(areas: np.ndarray) -> np.ndarray:
    """Mean IoU over the classes.

    Args:
        areas (np.ndarray): Pixels in the intersection and in the union of prediction and mask, for
            each class, shape (2, C, ...).

    Returns:
        np.ndarray: In percent, shape (...). Classes that neither occur nor are predicted are left
        out.

    Raises:
        ValueError: If there are no pixels at all.
    """
    intersection, union = areas
    occurs = union > 0
    if not occurs.any(0).all():
        raise UserError('no mask has a labeled pixel; check the masks, or evaluate without them')
    return 100 * (intersection / np.maximum(union, 1)).sum(0) / occurs.sum(0)


def label_areas(prediction: np.ndarray, mask: np.ndarray, num_classes: int) -> np.ndarray:
    """Areas of a prediction for :func:`mean_iou`.

    Args:
        prediction (np.ndarray): Class indices, shape (H, W).
        mask (np.ndarray): Class indices, 255 where a pixel does not count, shape (H, W).
        num_classes (int): Number of classes, C.

    Returns:
        np.ndarray: int64, shape (2, C).
    """
    valid = mask != IGNORE
    pairs = mask[valid].astype(np.int64) * num_classes + prediction[valid]
    counts = np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)
    intersection = np.diagonal(counts)
    return np.stack([intersection, counts.sum(0) + counts.sum(1) - intersection])


class SweepResult(NamedTuple):
    """Mean IoU of CAMs, in percent.

    Attributes:
        thresholds (np.ndarray): Ascending, shape (T,).
        values (np.ndarray): At these thresholds, shape (T,).
        alpha (float): Power of the background.
        alpha_threshold (float): The threshold that it amounts to.
    """

    thresholds: np.ndarray
    values: np.ndarray
    alpha: float
    alpha_threshold: float

    def metrics(self) -> dict[str, float]:
        """``mIoU``, at the best ``threshold``, and ``mIoU_alpha16``, at that of the power 16."""
        best = int(self.values.argmax())
        at_alpha = self.values[np.searchsorted(self.thresholds, self.alpha_threshold)]
        return {
            'mIoU': round(float(self.values[best]), 2),
            'threshold': round(float(self.thresholds[best]), 4),
            f'mIoU_alpha{self.alpha:g}': round(float(at_alpha), 2),
        }


class ThresholdSweep:
    """Predictions from CAMs at thresholds 0, 0.01, ..., 0.99, and at that of a power alpha.

    The prediction at threshold t is the class with the strongest CAM where that exceeds t, and the
    background elsewhere.

    Args:
        num_classes (int): Number of classes with the background, C.
        alpha (float): Power of the background, see :func:`alpha_threshold`.
    """

    def __init__(self, num_classes: int, alpha: float = 16) -> None:
        self.num_classes, self.alpha = num_classes, alpha
        self.alpha_threshold = alpha_threshold(alpha)
        self.thresholds = np.union1d(np.arange(100) / 100, self.alpha_threshold)

    def areas(self, cams: np.ndarray, classes: Sequence[int], mask: np.ndarray) -> np.ndarray:
        """Areas of one image at every threshold; those of several images add up.

        Args:
            cams (np.ndarray): Normalised CAMs of the k present classes, shape (k, H, W).
            classes (Sequence[int]): Their class indices, from 1; k may be 0.
            mask (np.ndarray): Class indices, 255 where a pixel does not count, shape (H, W).

        Returns:
            np.ndarray: Pixels in intersections and unions, int64, shape (2, C, T).

        Raises:
            ValueError: If the sizes differ.
        """
        if cams.shape != (len(classes), *mask.shape):
            raise UserError(
                f'CAMs of shape {cams.shape} do not fit {len(classes)} classes and a mask of shape '
                f'{mask.shape}'
            )
        valid = mask != IGNORE
        best = np.zeros(valid.sum(), np.int64)
        bins = best  # how many thresholds the strongest CAM exceeds
        if len(classes):
            best = np.asarray(classes, np.int64)[cams.argmax(0)[valid]]
            bins = np.searchsorted(self.thresholds, cams.max(0)[valid])
        shape = (self.num_classes, self.num_classes, len(self.thresholds) + 1)
        index = np.ravel_multi_index((mask[valid].astype(np.int64), best, bins), shape)
        counts = np.bincount(index, minlength=int(np.prod(shape))).reshape(shape)
        # A pixel of bin b has its class at the first b thresholds, and then is background.
        foreground = counts[..., :0:-1].cumsum(-1)[..., ::-1]
        background = counts.sum(1).cumsum(-1)[:, :-1]
        intersection = np.diagonal(foreground).T.copy()
        predicted = foreground.sum(0)
        intersection[0], predicted[0] = background[0], background.sum(0)
        labels = counts.sum((1, 2))[:, None]
        return np.stack([intersection, predicted + labels - intersection])

    def result(self, areas: np.ndarray) -> SweepResult:
        """Metrics of all images.

        Args:
            areas (np.ndarray): Sum of what :meth:`areas` gives for them.
        """
        return SweepResult(self.thresholds, mean_iou(areas), self.alpha, self.alpha_threshold)

"""Scores of seen and unseen classes in generalized zero-shot segmentation."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from mmengine.logging import print_log
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS
from prettytable import PrettyTable
from torch import Tensor

from ..core.errors import UserError
from ..datasets.files.class_splits import class_split


@METRICS.register_module()
class ZeroShotIoUMetric(IoUMetric):
    """Scores over all, the seen and the unseen classes, in percent, and a table of the classes.

    The network chooses among all classes everywhere, so there is one confusion matrix. From it
    come ``aAcc`` (share of correct pixels), ``mAcc`` (mean of the classes' shares) and ``mIoU``;
    the same over the seen and over the unseen classes, such as ``mIoU_unseen``; and ``hIoU``, the
    harmonic mean ``2 S U / (S + U)`` of the mean IoU S of the seen and U of the unseen.

    Classes that neither occur nor are predicted do not count in a mean, as in ``IoUMetric``. A
    metric of which nothing counts is NaN; without a pixel of an unseen class there is a warning.

    Args:
        split (str | Mapping[str, Sequence[str]]): The classes, as :func:`class_split` takes them.
            Pixels of its ignored classes do not count, nor do these classes.
        stride (int): Score every pixel, or one in so many rows and columns. The released code
            of CaGNet and SIGN scores at stride 8.
        classwise (bool): Whether to report the IoU of each class, too, as ``IoU_<class>``; those
            that do not count in a mean are left out.
        **kwargs: Of ``IoUMetric``, other than ``iou_metrics``.

    Raises:
        ValueError: If ``stride`` is below 1; when the classes of the dataset are known, also if
            the split does not fit them.
    """

    def __init__(
        self,
        split: str | Mapping[str, Sequence[str]],
        stride: int = 1,
        classwise: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(iou_metrics=['mIoU'], **kwargs)
        if stride < 1:
            raise UserError(f'stride of ZeroShotIoUMetric is {stride}; 1 scores every pixel')
        self.split = split
        self.stride, self.classwise = stride, classwise

    @IoUMetric.dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict) -> None:
        """Set by the loop before it starts; a split that does not fit is found here."""
        self._groups = class_split(self.split, dataset_meta['classes'])
        IoUMetric.dataset_meta.fset(self, dataset_meta)

    def intersect_and_union(
        self, pred_label: Tensor, label: Tensor, num_classes: int, ignore_index: int
    ) -> tuple[Tensor, ...]:
        """Areas of an image, of the pixels that count only.

        Args:
            pred_label (Tensor): Predicted classes, (H, W).
            label (Tensor): True classes, (H, W).
            num_classes (int): Number of classes.
            ignore_index (int): Label of pixels without a class.

        Returns:
            tuple[Tensor, ...]: Per class intersection, union, predicted and true area.
        """
        # IoUMetric drops dimensions of length 1.
        scored = (slice(None, None, self.stride),) * label.ndim
        pred_label, label = pred_label[scored], label[scored]
        ignored = torch.isin(label, label.new_tensor(self._groups.ignored))
        label = label.masked_fill(ignored, ignore_index)
        return super().intersect_and_union(pred_label, label, num_classes, ignore_index)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Metrics over all images; the table goes to the log."""
        if self.format_only:
            return super().compute_metrics(results)
        # float32, in which IoUMetric adds, cannot count the pixels of many images.
        areas = torch.stack([torch.stack(image).double() for image in results]).sum(dim=0)
        intersection, union, _, truth = areas.numpy()
        iou, accuracy = (
            np.divide(100 * intersection, area, np.full_like(area, np.nan), where=area > 0)
            for area in (union, truth)
        )
        if self.nan_to_num is not None:
            iou, accuracy = (np.nan_to_num(x, nan=self.nan_to_num) for x in (iou, accuracy))
        seen, unseen = list(self._groups.seen), list(self._groups.unseen)
        if not truth[unseen].any():
            print_log('no pixel belongs to an unseen class', 'current', logging.WARNING)
        self._log_table(iou, accuracy)
        metrics = {}
        for suffix, group in (('', sorted(seen + unseen)), ('_seen', seen), ('_unseen', unseen)):
            pixels = truth[group].sum()
            correct = 100 * intersection[group].sum()
            metrics[f'aAcc{suffix}'] = correct / pixels if pixels else np.nan
            metrics[f'mAcc{suffix}'] = _mean(accuracy[group])
            metrics[f'mIoU{suffix}'] = _mean(iou[group])
        s, u = metrics['mIoU_seen'], metrics['mIoU_unseen']
        metrics['hIoU'] = 2 * s * u / (s + u) if s + u else 0.0
        if self.classwise:
            named = {self.dataset_meta['classes'][k]: iou[k] for k in sorted(seen + unseen)}
            metrics |= {f'IoU_{name}': v for name, v in named.items() if not np.isnan(v)}
        return {name: round(float(value), 2) for name, value in metrics.items()}

    def _log_table(self, iou: np.ndarray, accuracy: np.ndarray) -> None:
        table = PrettyTable(['Class', 'Labels', 'IoU', 'Acc'])
        for kind in ('seen', 'unseen'):
            for index in getattr(self._groups, kind):
                name = self.dataset_meta['classes'][index]
                table.add_row([name, kind, f'{iou[index]:.2f}', f'{accuracy[index]:.2f}'])
        print_log(f'per class results:\n{table.get_string()}', 'current')


def _mean(values: np.ndarray) -> float:
    """Mean of what is not NaN; NaN, without NumPy's warning, if nothing is left."""
    values = values[~np.isnan(values)]
    return values.mean() if len(values) else np.nan

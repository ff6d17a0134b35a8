"""Mean IoU over some of the classes."""

from collections.abc import Mapping, Sequence

import numpy as np
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS

from ..core.errors import UserError


@METRICS.register_module()
class SubsetIoUMetric(IoUMetric):
    """MMSeg's ``IoUMetric`` that also reports the mean IoU over subsets of the classes.

    The network still predicts all classes; only the mean is over fewer. SYNTHIA to Cityscapes is
    reported on 16 classes and, without wall, fence and pole, on 13::

        val_evaluator = dict(
            type='SubsetIoUMetric', iou_metrics=['mIoU'], subsets=dict(mIoU13=['road', ...]))

    Args:
        subsets (Mapping[str, Sequence[str]]): Names of the metrics, such as ``'mIoU13'``, and of
            the classes of each.
        **kwargs: Of ``IoUMetric``.

    Raises:
        ValueError: If a subset is empty, or named like a metric that ``IoUMetric`` reports; when
            the classes of the dataset are known, also if a subset has others.
    """

    TAKEN = ('aAcc', 'mIoU', 'mAcc', 'mDice', 'mFscore', 'mPrecision', 'mRecall')

    def __init__(self, subsets: Mapping[str, Sequence[str]], **kwargs) -> None:
        super().__init__(**kwargs)
        for name, classes in subsets.items():
            if name in self.TAKEN or not classes:
                reason = 'IoUMetric reports this already' if classes else 'it has no class'
                raise UserError(f'subset {name!r} of SubsetIoUMetric: {reason}')
        self.subsets = {name: tuple(classes) for name, classes in subsets.items()}

    @IoUMetric.dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict) -> None:
        """Set by the loop before it starts; unknown classes are found here, not after hours."""
        for name, classes in self.subsets.items():
            unknown = set(classes) - set(dataset_meta['classes'])
            if unknown:
                raise UserError(
                    f'subset {name!r} of SubsetIoUMetric has {", ".join(sorted(unknown))}, but the '
                    f'classes of the dataset are {", ".join(dataset_meta["classes"])}'
                )
        IoUMetric.dataset_meta.fset(self, dataset_meta)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the metrics of ``IoUMetric`` and those of the subsets, in percent."""
        metrics = super().compute_metrics(results)
        if self.format_only:
            return metrics
        totals = [sum(areas) for areas in zip(*results, strict=True)]
        iou = self.total_area_to_metrics(*totals, ['mIoU'], self.nan_to_num)['IoU']
        order = list(self.dataset_meta['classes'])
        for name, classes in self.subsets.items():
            # Classes that neither occur nor are predicted are NaN and left out, as in IoUMetric.
            mean = np.nanmean(iou[[order.index(c) for c in classes]])
            metrics[name] = np.round(100 * mean, 2)
        return metrics

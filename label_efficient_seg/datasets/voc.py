"""PASCAL VOC."""

from mmseg.datasets import BaseSegDataset, PascalVOCDataset
from mmseg.registry import DATASETS

from .partially_labeled import PartiallyLabeledMixin


@DATASETS.register_module()
class SemiVOCDataset(PartiallyLabeledMixin, BaseSegDataset):
    """PASCAL VOC 2012, 21 classes, void 255.

    Layout below ``data_root``: ``JPEGImages/<id>.jpg``, ``SegmentationClassAug/<id>.png`` for the
    10,582 images of the augmented training list, or ``SegmentationClass`` for the 1,464 of VOC
    itself (``data_prefix=dict(seg_map_path='SegmentationClass')``).

    Arguments are those of :class:`PartiallyLabeledMixin` and of MMSeg's ``BaseSegDataset``.
    """

    METAINFO = PascalVOCDataset.METAINFO
    DATA_PREFIX = dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug')

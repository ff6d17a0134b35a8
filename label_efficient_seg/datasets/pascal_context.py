"""PASCAL-Context."""

from mmseg.datasets import BaseSegDataset, PascalContextDataset
from mmseg.registry import DATASETS

from .partially_labeled import PartiallyLabeledMixin


@DATASETS.register_module()
class SemiPascalContextDataset(PartiallyLabeledMixin, BaseSegDataset):
    """PASCAL-Context, 60 classes with background, void 255.

    Layout below ``data_root`` is that of MMSegmentation: ``JPEGImages/<id>.jpg`` and
    ``SegmentationClassContext/<id>.png``.

    Arguments are those of :class:`PartiallyLabeledMixin` and of MMSeg's ``BaseSegDataset``.
    """

    METAINFO = PascalContextDataset.METAINFO
    DATA_PREFIX = dict(img_path='JPEGImages', seg_map_path='SegmentationClassContext')

"""Cityscapes."""

from mmseg.datasets import CityscapesDataset
from mmseg.registry import DATASETS

from .partially_labeled import PartiallyLabeledMixin


@DATASETS.register_module()
class SemiCityscapesDataset(PartiallyLabeledMixin, CityscapesDataset):
    """Cityscapes, 19 classes, void 255.

    Layout below ``data_root``: ``leftImg8bit/train/aachen/<id>_leftImg8bit.png`` and
    ``gtFine/train/aachen/<id>_gtFine_labelTrainIds.png``. Ids contain the city:
    ``aachen/aachen_000000_000019``. The masks of class indices are made from the polygons of
    ``gtFine`` by ``cityscapesscripts`` (``csCreateTrainIdLabelImgs``).

    Arguments are those of :class:`PartiallyLabeledMixin` and of MMSeg's ``CityscapesDataset``.
    """

    DATA_PREFIX = dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train')

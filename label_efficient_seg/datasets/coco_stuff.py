"""COCO-Stuff 164k."""

from mmseg.datasets import COCOStuffDataset
from mmseg.registry import DATASETS

from .partially_labeled import PartiallyLabeledMixin


@DATASETS.register_module()
class SemiCOCOStuffDataset(PartiallyLabeledMixin, COCOStuffDataset):
    """COCO-Stuff 164k, 171 classes, void 255.

    Layout below ``data_root`` is that of MMSegmentation after its converter coco_stuff164k.py:
    ``images/train2017/<id>.jpg`` and ``annotations/train2017/<id>_labelTrainIds.png``.

    Arguments are those of :class:`PartiallyLabeledMixin` and of MMSeg's ``COCOStuffDataset``.
    """

    DATA_PREFIX = dict(img_path='images/train2017', seg_map_path='annotations/train2017')

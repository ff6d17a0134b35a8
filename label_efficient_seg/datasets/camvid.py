"""CamVid."""

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from .partially_labeled import PartiallyLabeledMixin


@DATASETS.register_module()
class CamVidDataset(PartiallyLabeledMixin, BaseSegDataset):
    """CamVid with the usual 11 classes, 367 / 101 / 233 images.

    Layout below ``data_root``: ``images/<id>.jpg``, ``labels/<id>.png`` (void 255) and the lists
    ``train.txt``, ``val.txt``, ``test.txt``. The layout of the SegNet tutorial, with a folder for
    each part and void 11, needs no list::

        dict(type='CamVidDataset', data_root='data/CamVid', img_suffix='.png', ignore_index=11,
             data_prefix=dict(img_path='train', seg_map_path='trainannot'))

    Arguments are those of :class:`PartiallyLabeledMixin` and of MMSeg's ``BaseSegDataset``.
    """

    METAINFO = dict(
        classes=(
            'Sky', 'Building', 'Pole', 'Road', 'Pavement', 'Tree', 'SignSymbol', 'Fence', 'Car',
            'Pedestrian', 'Bicyclist',
        ),
        palette=[
            [128, 128, 128], [128, 0, 0], [192, 192, 128], [128, 64, 128], [60, 40, 222],
            [128, 128, 0], [192, 128, 128], [64, 64, 128], [64, 0, 128], [64, 64, 0],
            [0, 128, 192],
        ],
    )  # fmt: skip
    DATA_PREFIX = dict(img_path='images', seg_map_path='labels')

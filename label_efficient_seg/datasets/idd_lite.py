"""IDD-Lite, and CamVid with its classes."""

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from .camvid import CamVidDataset
from .partially_labeled import PartiallyLabeledMixin


@DATASETS.register_module()
class IDDLiteDataset(PartiallyLabeledMixin, BaseSegDataset):
    """India Driving Dataset Lite, 7 classes, 320x227, 400 training and 104 validation images.

    Layout below ``data_root``: ``images/<id>.jpg``, ``labels/<id>.png`` (void 255) and the lists
    ``train.txt`` and ``val.txt``.

    Arguments are those of :class:`PartiallyLabeledMixin` and of MMSeg's ``BaseSegDataset``.
    """

    METAINFO = dict(
        classes=(
            'drivable', 'non-drivable', 'living things', 'vehicles', 'roadside objects',
            'far objects', 'sky',
        ),
        palette=[
            [128, 64, 128], [244, 35, 232], [220, 20, 60], [0, 0, 230], [220, 190, 40],
            [70, 70, 70], [70, 130, 180],
        ],
    )  # fmt: skip
    DATA_PREFIX = dict(img_path='images', seg_map_path='labels')


@DATASETS.register_module()
class CamVidAsIDDLiteDataset(CamVidDataset):
    """CamVid with its 11 classes merged into the 7 of :class:`IDDLiteDataset`.

    The files, and all arguments but ``metainfo``, are those of :class:`CamVidDataset`.
    """

    METAINFO = IDDLiteDataset.METAINFO
    MERGED = dict(
        Sky='sky', Building='far objects', Pole='roadside objects', Road='drivable',
        Pavement='non-drivable', Tree='far objects', SignSymbol='roadside objects',
        Fence='roadside objects', Car='vehicles', Pedestrian='living things',
        Bicyclist='living things',
    )  # fmt: skip
    """Class of IDD-Lite by class of CamVid."""

    @classmethod
    def get_label_map(cls, new_classes=None) -> dict[int, int]:
        """Index in IDD-Lite by index in the masks of CamVid; MMSeg asks for it.

        Args:
            new_classes (Sequence, optional): Not used: the classes cannot be chosen.

        Returns:
            dict[int, int]: For all 11 classes.
        """
        names = cls.METAINFO['classes']
        classes = CamVidDataset.METAINFO['classes']
        return {index: names.index(cls.MERGED[str(name)]) for index, name in enumerate(classes)}

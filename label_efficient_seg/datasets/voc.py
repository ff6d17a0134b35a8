"""PASCAL VOC."""

from collections.abc import Sequence

from mmseg.datasets import BaseSegDataset, PascalVOCDataset
from mmseg.registry import DATASETS

from ..core.errors import UserError
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


@DATASETS.register_module()
class VOCAnimalDataset(SemiVOCDataset):
    """PASCAL VOC 2012 with its animals as one class: background, animal.

    Objects of other classes are void. For networks without initial weights, which a few hundred
    images teach what is an animal, but not which one.
    """

    METAINFO = dict(classes=('background', 'animal'), palette=[[0, 0, 0], [192, 128, 0]])
    ANIMALS = ('bird', 'cat', 'cow', 'dog', 'horse', 'sheep')

    @classmethod
    def get_label_map(cls, new_classes: Sequence[str] | None = None) -> dict[int, int]:
        """Class by index in the masks, void (255) for the rest; MMSeg asks for it.

        Args:
            new_classes (Sequence[str], optional): The classes that the model learns.

        Raises:
            ValueError: If these are others than background and animal.
        """
        if tuple(new_classes or cls.METAINFO['classes']) != cls.METAINFO['classes']:
            raise UserError(
                f'{cls.__name__} has the classes background and animal, in this order; got '
                f'{", ".join(map(str, new_classes or ()))}'
            )
        names = PascalVOCDataset.METAINFO['classes']
        labels = {'background': 0, **dict.fromkeys(cls.ANIMALS, 1)}
        return {index: labels.get(name, 255) for index, name in enumerate(names)}

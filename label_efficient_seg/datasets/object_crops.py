from collections.abc import Sequence

import numpy as np
from mmseg.registry import DATASETS

from ..core.labels import IGNORE
from .box_crops import BoxCropDataset
from .files.instances import Box


@DATASETS.register_module()
class ObjectCropDataset(BoxCropDataset):
    """Crops around single objects, with no other class: the easy images that DeconvNet starts on.

    ::

        dict(type='ObjectCropDataset', instances='SegmentationObject',
             dataset=dict(type='SemiVOCDataset', pipeline=[
                 dict(type='LoadImageFromFile'), dict(type='LoadCheckedAnnotations')]),
             pipeline=[dict(type='Resize', scale=(250, 250)),
                       dict(type='RandomCrop', crop_size=(224, 224)),
                       dict(type='RandomFlip', prob=0.5), dict(type='PackSegInputs')])

    In the mask of a crop, other classes than the object's are background, 0; void pixels stay 255.
    Other objects of the same class stay too, as the paper keeps the class.

    Arguments are those of :class:`BoxCropDataset`.

    Source: Noh et al., Learning Deconvolution Network, ICCV 2015, sec. 4.2.
    """

    def _boxes(
        self, item: dict, objects: list[tuple[int, Box]], size: tuple[int, int]
    ) -> Sequence[tuple[int, Box]]:
        return objects

    def _annotate(self, mask: np.ndarray, label: int) -> np.ndarray:
        return np.where((mask == label) | (mask == IGNORE), mask, 0)

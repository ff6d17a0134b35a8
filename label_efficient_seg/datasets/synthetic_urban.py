"""What the datasets of rendered street scenes have in common."""

from mmseg.datasets import BaseSegDataset, CityscapesDataset

from ..core.errors import MissingFileError
from .partially_labeled import PartiallyLabeledMixin

MASK_FOLDER = 'labels_train_ids'


class SyntheticUrbanDataset(PartiallyLabeledMixin, BaseSegDataset):
    """Rendered street scenes with masks of Cityscapes' 19 train ids, void 255.

    The published label files hold other numbers. ``les convert``
    writes masks to ``labels_train_ids/<id>.png`` below ``data_root``, and last the list of the
    images that have one, ``labels_train_ids.txt``.

    Args:
        img_suffix (str): Suffix of images.
        **kwargs: Of :class:`PartiallyLabeledMixin` and MMSeg's ``BaseSegDataset``.

    Raises:
        FileNotFoundError: As of :class:`PartiallyLabeledMixin`; it names the converter.
    """

    METAINFO = CityscapesDataset.METAINFO
    CONVERTER = ''
    """Name of the dataset for the converter."""

    def __init__(self, img_suffix: str = '.png', **kwargs) -> None:
        try:
            super().__init__(img_suffix=img_suffix, **kwargs)
        except FileNotFoundError as error:
            if not kwargs.get('labeled', True):
                raise
            raise MissingFileError(
                f'{error}; masks and their list are written by '
                f'les convert {self.CONVERTER} DATA_ROOT'
            ) from error

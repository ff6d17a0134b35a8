"""Any images with masks of the same names."""

import posixpath
from collections.abc import Sequence
from functools import cached_property

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from ..core.errors import UserError
from .files.images import IMAGE_SUFFIXES
from .item_list import ItemList
from .partially_labeled import PartiallyLabeledMixin


@DATASETS.register_module()
class ImageFolderSegDataset(PartiallyLabeledMixin, BaseSegDataset):
    """Images and masks of the same names in two folders.

    Layout below ``data_root``: ``images/<id>.<any suffix>``, ``masks/<id>.png``, both with
    subfolders if wanted. Masks hold one class index per pixel, in one channel.

    Args:
        ann_file (str): Split list; empty for all images of the folder.
        img_suffix (str | Sequence[str]): Suffixes of images; upper and lower case are both found.
        **kwargs: Of :class:`PartiallyLabeledMixin` and MMSeg's ``BaseSegDataset``; labeled parts
            need ``metainfo=dict(classes=(...))``.

    Raises:
        ValueError: If classes are missing, or two images differ in the suffix only.
    """

    DATA_PREFIX = dict(img_path='images', seg_map_path='masks')

    def __init__(
        self,
        ann_file: str = '',
        img_suffix: str | Sequence[str] = IMAGE_SUFFIXES,
        **kwargs,
    ) -> None:
        suffixes = [img_suffix] if isinstance(img_suffix, str) else img_suffix
        img_suffix = tuple(dict.fromkeys(s for n in suffixes for s in (n, n.lower(), n.upper())))
        super().__init__(ann_file=ann_file, img_suffix=img_suffix, **kwargs)

    def load_data_list(self) -> ItemList:
        """Data items, see :meth:`PartiallyLabeledMixin.load_data_list`."""
        if self.labeled and not self._metainfo.get('classes'):
            raise UserError(
                f'{type(self).__name__} needs the names of the classes in the order of their '
                "indices: metainfo=dict(classes=('background', ...))"
            )
        return super().load_data_list()

    @cached_property
    def _image_of(self) -> dict[str, str]:
        images = {}
        for name in sorted(self._listed_images(self.img_suffix)):
            stem = posixpath.splitext(name)[0]
            if stem in images:
                raise UserError(
                    f"images '{images[stem]}' and '{name}' in '{self._folder('img_path')}' have "
                    'the same id; remove one or set img_suffix'
                )
            images[stem] = name
        return images

    def _listed_ids(self) -> list[str]:
        return sorted(self._image_of)

    def _image_names(self, ids: Sequence[str]) -> list[str]:
        # A missing image keeps a name that no file has and that messages can show.
        return [self._image_of.get(name, f'{name}.*') for name in ids]

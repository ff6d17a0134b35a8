"""Images and masks that a data card describes."""

from collections.abc import Sequence
from typing import Any

from mmseg.registry import DATASETS

from ..core.errors import UserError
from ..core.labels import IGNORE
from .files.data_card import read_card
from .image_folder import ImageFolderSegDataset
from .item_list import ItemList

STRAY = IGNORE - 1
"""Label of mask values that a label map leaves out, which no class has: they are refused."""


@DATASETS.register_module()
class CardDataset(ImageFolderSegDataset):
    """A part of the images of a data card.

    The card says where images and masks are, and has classes, palette and label map; its lists are
    arguments, as of any other dataset. Values of masks that its label map leaves out are errors.

    Args:
        card (str): The YAML file, see :func:`read_card`.
        data_prefix (dict, optional): Folders in place of those of the card. Masks in another
            folder are what this package writes, such as pseudo masks.
        **kwargs: Of :class:`ImageFolderSegDataset`; ``ann_file`` and ``exclude`` start at the
            card's root.

    Raises:
        FileNotFoundError: If the card or something that it names does not exist.
        ValueError: If it cannot be what it says, or masks are asked for that it does not have.
    """

    def __init__(self, card: str, *, data_prefix: dict | None = None, **kwargs: Any) -> None:
        if 'metainfo' in kwargs or 'data_root' in kwargs:
            raise UserError('CardDataset takes classes and folders from its card; change the card')
        self.card = read_card(card)
        prefix = dict(img_path=str(self.card.images))
        if self.card.masks:
            prefix['seg_map_path'] = str(self.card.masks)
        self._own_masks = 'seg_map_path' not in (data_prefix or {})
        if self._own_masks:
            kwargs.setdefault('seg_map_suffix', self.card.mask_suffix)
        if not self.card.masks and kwargs.get('labeled', True) and self._own_masks:
            raise UserError(f"labeled=True, but data card '{self.card.path}' has no masks")
        super().__init__(
            data_root=str(self.card.root),
            data_prefix={**prefix, **(data_prefix or {})},
            metainfo=dict(classes=self.card.classes, palette=[list(c) for c in self.card.palette]),
            **kwargs,
        )

    def get_label_map(self, new_classes: Sequence[str] | None = None) -> dict[int, int] | None:  # type: ignore[override]
        """Labels of all 256 codes of mask values; those of no value are stray.

        Args:
            new_classes (Sequence[str], optional): Not used: the card has the classes.
        """
        if not self.card.label_map:
            return None
        values = self._mask_values() or range(256)
        labels = [self.card.label_map.get(value, STRAY) for value in values]
        return dict(enumerate(labels + [STRAY] * (256 - len(labels))))

    def load_data_list(self) -> ItemList:
        """Data items, see :meth:`PartiallyLabeledMixin.load_data_list`.

        Returns:
            ItemList: With ``mask_values`` where the masks hold colours or large values.
        """
        items = super().load_data_list()
        if self._own_masks and (values := self._mask_values()):
            items.shared['mask_values'] = values
        return items

    def _mask_values(self) -> tuple[int | str, ...]:
        """The values of the label map, if they are not what a byte with void as 255 holds."""
        found = self.card.label_map
        values = tuple(sorted(found))  # type: ignore[type-var]
        if not values or (isinstance(values[-1], int) and values[-1] < IGNORE):
            return ()
        return () if values[-1] == IGNORE == found[values[-1]] else values

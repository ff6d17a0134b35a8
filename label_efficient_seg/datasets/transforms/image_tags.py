from pathlib import Path

import numpy as np
from mmseg.datasets import BaseSegDataset
from mmseg.registry import TRANSFORMS

from ...core.errors import UserError
from ...core.labels import IGNORE
from ..files.image_ids import image_ids
from ..files.image_labels import TagVocabulary, no_tags, read_image_labels
from .dataset_transform import DatasetTransform
from .loading import LoadCheckedAnnotations

MASKS = 'masks'


@TRANSFORMS.register_module()
class LoadImageTags(DatasetTransform):
    """Load the image-level labels of an image, its *tags*.

    Its dataset has :class:`PartiallyLabeledMixin`, and its first class is the background.

    Required keys: ``img_path``; for tags from masks those of :class:`LoadCheckedAnnotations`.

    Added keys: ``image_labels``, the sorted indices of the foreground classes, from 1;
    ``gt_label``, the outputs of a classifier that stand for them, from 0, as mmpretrain's
    ``PackInputs`` and metrics need them.

    Args:
        tags (str): ``'masks'``: tags are read from the mask of an image whenever it is loaded. Or
            a file or folder, see :func:`read_image_labels`, for which the dataset needs no masks:
            absolute, or relative to the dataset's ``data_root`` or to the working directory.
        difficult (bool): Whether objects that VOC annotations mark as difficult count.
        allow_empty (bool): Whether images may be without any tag.
    """

    def __init__(
        self, tags: str = MASKS, *, difficult: bool = True, allow_empty: bool = False
    ) -> None:
        self.tags, self.difficult, self.allow_empty = tags, difficult, allow_empty

    @property
    def from_file(self) -> bool:
        """bool: Whether tags come from a file or folder, not from masks."""
        return self.tags != MASKS

    def bind(self, dataset: BaseSegDataset) -> None:
        """Read the tags of all images of the dataset, unless they come from masks.

        Args:
            dataset (BaseSegDataset): With ``PartiallyLabeledMixin``.

        Raises:
            FileNotFoundError: If the tags do not exist.
            ValueError: If an image has no tags or unknown ones, or tags are to come from the masks
                of an unlabeled part.
        """
        if not self.from_file:
            if not dataset.labeled:
                raise UserError(
                    "tags='masks' needs masks, but the dataset has labeled=False; remove it, or "
                    'give a file of tags'
                )
            self._load_mask = LoadCheckedAnnotations(backend_args=dataset.backend_args)
            return
        below = Path(dataset.data_root or '', self.tags)  # an absolute path stays as it is
        original = dataset.METAINFO.get('classes')
        labels = read_image_labels(
            below if below.exists() else self.tags,
            image_ids(dataset),
            # Without original names, a label map is of the values of masks.
            TagVocabulary(
                dataset.metainfo['classes'], original, dataset.label_map if original else None
            ),
            difficult=self.difficult,
            allow_empty=self.allow_empty,
        )
        paths = (dataset.get_data_info(index)['img_path'] for index in range(len(dataset)))
        self._labels = dict(zip(paths, labels, strict=True))

    def transform(self, results: dict) -> dict:
        """Add the tags.

        Args:
            results (dict): Data item of the dataset.

        Returns:
            dict: The same dict with ``image_labels`` and ``gt_label``.

        Raises:
            MaskError: If the mask cannot be what the dataset declares.
            ValueError: If the mask shows no class.
        """
        if self.from_file:
            labels = self._labels[results['img_path']]
        else:
            labels = self._mask_labels(results)
        results['image_labels'] = list(labels)
        results['gt_label'] = [label - 1 for label in labels]
        return results

    def _mask_labels(self, results: dict) -> list[int]:
        """Tags from the mask; void pixels do not count."""
        mask = self._load_mask(dict(results, seg_fields=[]))['gt_seg_map']
        labels = [int(label) for label in np.unique(mask) if label not in (0, IGNORE)]
        if not labels and not self.allow_empty:
            raise no_tags([results['img_path']], f"in its mask '{results['seg_map_path']}'")
        return labels

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(tags={self.tags!r}, difficult={self.difficult}, '
            f'allow_empty={self.allow_empty})'
        )

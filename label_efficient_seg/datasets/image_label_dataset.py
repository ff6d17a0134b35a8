from pathlib import Path
from typing import Any

from mmseg.registry import DATASETS
from torch.utils.data import Dataset

from ..core.errors import UserError
from .files.image_ids import image_ids
from .files.image_labels import TagVocabulary, no_tags, read_image_labels, read_mask_labels

MASKS = 'masks'


@DATASETS.register_module()
class ImageLabelDataset(Dataset):
    """View of a segmentation dataset with image-level labels, its *tags*.

    ::

        dict(type='ImageLabelDataset', tags='Annotations', dataset=dict(
            type='SemiVOCDataset', labeled=False,
            pipeline=[..., dict(type='mmpretrain.PackInputs')]))

    The pipeline is that of the dataset, and finds two more keys in its results: ``image_labels``,
    the sorted indices of the foreground classes, from 1, and ``gt_label``, the outputs of a
    classifier that stand for them, from 0, as mmpretrain's ``PackInputs`` and metrics need them.
    Everything else, such as the mask's path of a labeled dataset, stays as it is.

    Args:
        dataset (dict): Config of the dataset; its first class is the background.
        tags (str): ``'masks'``: tags are read from the mask of an image whenever it is loaded. Or
            a file or folder, see :func:`read_image_labels`, for which the dataset needs no masks:
            absolute, or relative to the dataset's ``data_root`` or to the working directory.
        difficult (bool): Whether objects that VOC annotations mark as difficult count.
        allow_empty (bool): Whether images may be without any tag.

    Raises:
        FileNotFoundError: If the tags do not exist.
        ValueError: If an image has no tags or unknown ones, or tags are to come from the masks of
            an unlabeled part.
    """

    def __init__(
        self,
        dataset: dict,
        tags: str = MASKS,
        *,
        difficult: bool = True,
        allow_empty: bool = False,
    ) -> None:
        self.dataset = DATASETS.build(dataset)
        self.dataset.full_init()
        self.allow_empty = allow_empty
        self.labels: list[list[int]] | None = None
        if tags != MASKS:
            self.labels = read_image_labels(
                self._find(tags),
                image_ids(self.dataset),
                TagVocabulary(
                    self.metainfo['classes'],
                    self.dataset.METAINFO.get('classes'),
                    self.dataset.label_map,
                ),
                difficult=difficult,
                allow_empty=allow_empty,
            )
        elif not getattr(self.dataset, 'labeled', True):
            raise UserError(
                "tags='masks' needs masks, but the dataset has labeled=False; remove it, or give "
                'a file of tags'
            )
        self.dataset.pipeline.transforms.insert(0, self._add_labels)

    @property
    def metainfo(self) -> dict:
        """dict: Meta information of the dataset."""
        return self.dataset.metainfo

    @property
    def img_suffix(self) -> str | tuple[str, ...]:
        """Suffixes of the images."""
        return self.dataset.img_suffix

    @property
    def data_prefix(self) -> dict:
        """dict: Folders of the dataset."""
        return self.dataset.data_prefix

    def full_init(self) -> None:
        """Nothing is left to read."""

    def __len__(self) -> int:
        """Number of images."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        """Load one image with its tags."""
        return self.dataset[index]

    def get_data_info(self, index: int) -> dict:
        """Data item of one image; with its tags, unless these lie in masks still unread."""
        item = self.dataset.get_data_info(index)
        return item if self.labels is None else self._add_labels(item)

    def _find(self, tags: str) -> Path:
        """An absolute path replaces whatever it is joined to."""
        below = Path(self.dataset.data_root or '') / tags
        return below if below.exists() else Path(tags)

    def _add_labels(self, results: dict) -> dict:
        if self.labels is not None:
            labels = self.labels[results['sample_idx']]
        else:
            labels = read_mask_labels(results, self.dataset.backend_args)
            if not labels and not self.allow_empty:
                raise no_tags([results['img_path']], f"in its mask '{results['seg_map_path']}'")
        results['image_labels'] = list(labels)
        results['gt_label'] = [label - 1 for label in labels]
        return results

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import DATASETS
from torch.utils.data import Dataset

from ..core.errors import UserError
from ..core.file_walk import map_files
from .files.class_splits import class_split
from .files.masks import IGNORE
from .transforms import LoadCheckedAnnotations


@DATASETS.register_module()
class ZeroShotDataset(Dataset):
    """View of a labeled dataset whose masks do not show the unseen classes.

    ::

        dict(type='ZeroShotDataset', split='voc_15_5',
             dataset=dict(type='SemiVOCDataset', pipeline=[...]))

    Unseen and ignored classes become 255 in the table that maps the values of a mask file to
    labels. The transform that loads the mask applies it, so no later transform, and nothing after
    the pipeline, ever gets these labels. A pipeline that does not load masks so is refused.

    Args:
        dataset (dict): Config of the dataset.
        split (str | Mapping[str, Sequence[str]]): The classes, as :func:`class_split` takes them.
        drop_unseen_images (bool): Whether to leave out images that show an unseen class, as the
            strictest protocols do. This reads all masks once.

    Raises:
        ValueError: If the split does not fit the dataset, the pipeline does not load masks with
            ``LoadAnnotations`` or a subclass, or no image is left.
    """

    def __init__(
        self,
        dataset: dict,
        split: str | Mapping[str, Sequence[str]],
        drop_unseen_images: bool = False,
    ) -> None:
        self.dataset = DATASETS.build(dataset)
        self.dataset.full_init()
        self.split = class_split(split, self.metainfo['classes'])
        self.label_map = self._hidden_label_map()
        transforms = self.dataset.pipeline.transforms
        if not any(isinstance(transform, LoadAnnotations) for transform in transforms):
            raise UserError(
                'ZeroShotDataset hides unseen classes where masks are loaded, but the pipeline of '
                f'its {type(self.dataset).__name__} has no LoadAnnotations; put '
                'LoadCheckedAnnotations there, or use a dataset without masks as it is'
            )
        if drop_unseen_images:
            self._drop_unseen_images()
        transforms.insert(0, self._hide)

    @property
    def metainfo(self) -> dict:
        """dict: Meta information of the dataset, with all its classes."""
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
        """Load one image."""
        return self.dataset[index]

    def get_data_info(self, index: int) -> dict:
        """Data item of one image; its ``label_map`` hides the unseen classes."""
        return self._hide(self.dataset.get_data_info(index))

    def _hide(self, results: dict) -> dict:
        results['label_map'] = self.label_map
        return results

    def _hidden_label_map(self) -> dict[int, int]:
        """The dataset's own choice of classes, with 255 for the hidden ones among them."""
        hidden = {*self.split.unseen, *self.split.ignored}
        label_map = self.dataset.label_map or {i: i for i in range(len(self.metainfo['classes']))}
        return {old: IGNORE if new in hidden else new for old, new in label_map.items()}

    def _drop_unseen_images(self) -> None:
        loader = LoadCheckedAnnotations(backend_args=self.dataset.backend_args)

        def shows_unseen(item: dict) -> bool:
            return bool(np.isin(loader(item)['gt_seg_map'], self.split.unseen).any())

        items = [self.dataset.get_data_info(index) for index in range(len(self.dataset))]
        found = map_files(shows_unseen, items, 'masks')
        kept = [index for index, unseen in enumerate(found) if not unseen]
        if not kept:
            raise UserError(
                f'all {len(items)} images show an unseen class, so drop_unseen_images leaves '
                'none; switch it off, which hides their unseen pixels only'
            )
        self.dataset.get_subset_(kept)

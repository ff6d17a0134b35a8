"""Sampling of images by the classes that they show, rare ones first."""

import os
from typing import Any

import numpy as np
from mmengine.dist import barrier, is_main_process
from mmseg.registry import DATASETS
from torch.utils.data import Dataset

from ..core.cache import cached_arrays
from ..core.digests import digest
from ..core.errors import UserError
from ..core.file_walk import map_files
from .transforms import LoadCheckedAnnotations

VERSION = 1
"""Raise it with every change of the code that changes a count; the cache depends on it."""


@DATASETS.register_module()
class RareClassDataset(Dataset):
    """View of a labeled dataset that draws its images anew, more of them with rare classes.

    Whatever index is asked for, it draws a class c with ``P(c) = softmax((1 - f_c) / T)`` over the
    classes, where f_c is the share of the pixels of all masks, then an image uniformly among those
    with more than ``min_pixels`` of c, and runs the pipeline up to ten times, until the crop shows
    enough of c. The draws come from NumPy's global generator, which :class:`SeededSamples` seeds
    by the position in training::

        dict(type='RareClassDataset', dataset=dict(type='GTA5Dataset', pipeline=[...], ...))

    All masks are read once to count their pixels; the counts are kept in a cache, and made again
    when a mask changes. Masks must be local files. Classes with too few pixels in every image are
    never drawn.

    Args:
        dataset (dict): Config of the dataset. Its pipeline ends in ``PackSegInputs``.
        temperature (float): T; the smaller, the rarer are the classes that are drawn.
        min_pixels (int): Pixels of the class that an image must exceed, in its mask file.
        min_crop_ratio (float): Share of ``min_pixels`` that a crop must exceed.
        cache (str, optional): Folder of the cache. Defaults to the environment variable
            ``LABEL_EFFICIENT_SEG_CACHE``, and without it to ``~/.cache/label_efficient_seg``.

    Raises:
        UserError: If the dataset has no masks, or no class has an image with enough pixels.

    Source: Hoyer et al., DAFormer, CVPR 2022, sec. 3.2.
    """

    def __init__(
        self,
        dataset: dict,
        *,
        temperature: float = 0.01,
        min_pixels: int = 3000,
        min_crop_ratio: float = 0.5,
        cache: str | None = None,
    ) -> None:
        self.dataset = DATASETS.build(dataset)
        self.dataset.full_init()
        self.min_crop_pixels = min_pixels * min_crop_ratio
        counts = self._counts(cache)
        images = [(column > min_pixels).nonzero()[0] for column in counts.T]
        self.classes = np.array([c for c, shown in enumerate(images) if len(shown)])
        if not len(self.classes):
            raise UserError(
                f'no image of {type(self.dataset).__name__} has more than {min_pixels} pixels of '
                'a class; lower min_pixels of RareClassDataset'
            )
        self.images = [images[c] for c in self.classes]
        frequency = (counts.sum(axis=0) / counts.sum())[self.classes]
        scores = np.exp((frequency.min() - frequency) / temperature)
        self.probabilities = scores / scores.sum()

    @property
    def metainfo(self) -> dict:
        """dict: Meta information of the dataset."""
        return self.dataset.metainfo

    def full_init(self) -> None:
        """Nothing is left to read."""

    def __len__(self) -> int:
        """Number of images of the dataset."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        """Draw one sample; the index does not matter."""
        drawn = np.random.choice(len(self.classes), p=self.probabilities)
        image = int(np.random.choice(self.images[drawn]))
        for _ in range(10):
            sample = self.dataset[image]
            shown = sample['data_samples'].gt_sem_seg.data == self.classes[drawn]
            if shown.sum() > self.min_crop_pixels:
                break
        return sample

    def _counts(self, cache: str | None) -> np.ndarray:
        """Pixels of each class in each image, (images, classes)."""
        items = [self.dataset.get_data_info(index) for index in range(len(self.dataset))]
        if unlabeled := [item for item in items if 'seg_map_path' not in item]:
            raise UserError(
                f"RareClassDataset needs masks, but '{unlabeled[0]['img_path']}' has none; give "
                'the labeled part of the dataset'
            )
        load = LoadCheckedAnnotations(backend_args=self.dataset.backend_args)
        num_classes = len(self.metainfo['classes'])

        def count(item: dict) -> np.ndarray:
            mask = load(dict(item, seg_fields=[]))['gt_seg_map']
            return np.bincount(mask.ravel(), minlength=256)[:num_classes]

        def count_all() -> dict[str, np.ndarray]:
            return dict(counts=np.stack(list(map_files(count, items, 'masks'))))

        name = f'class-counts-{_fingerprint(items, num_classes)}'
        if not is_main_process():
            barrier()  # the main process counts for all
        counts = cached_arrays(name, count_all, cache)['counts']
        if is_main_process():
            barrier()
        return counts


def _fingerprint(items: list[dict], num_classes: int) -> str:
    """Digest of all that the counts depend on; of masks by their size and time."""
    keys = ('label_map', 'ignore_index', 'reduce_zero_label')
    content: list = [VERSION, num_classes]
    for item in items:
        path = os.path.abspath(item['seg_map_path'])
        state = os.stat(path)
        content.append([repr(item.get(key)) for key in keys])
        content.append([path, state.st_size, state.st_mtime_ns])
    return digest(content)[:16]

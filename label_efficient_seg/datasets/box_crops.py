"""What the datasets of crops around objects and around proposals share."""

import os
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from mmcv.transforms import Compose
from mmseg.registry import DATASETS
from torch.utils.data import Dataset

from ..core.cache import cached_arrays
from ..core.digests import digest
from ..core.errors import MissingFileError, UserError
from ..core.file_walk import map_files
from ..ops import prepare_boxes
from .files.instances import Box, object_boxes
from .transforms import LoadCheckedAnnotations

#: Raise it with every change of the code that changes a box; the cache depends on it.
VERSION = 1


class Crops(NamedTuple):
    """All crops of a dataset.

    Attributes:
        images (np.ndarray): Index of the image of each, int64, shape (K,).
        labels (np.ndarray): Class of its object, int64, shape (K,).
        boxes (np.ndarray): Not yet enlarged, float32, shape (K, 4).
    """

    images: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray


class BoxCropDataset(Dataset):
    """View of a labeled dataset whose items are crops around boxes.

    All masks are read once to find the boxes; the list is kept in a cache, and made again when a
    mask changes. Masks must be local files.

    Args:
        dataset (dict): Config of the dataset; its pipeline loads image and mask and does nothing
            else. Its first class is the background.
        pipeline (Sequence[dict]): Transforms of a crop.
        instances (str): Folder of instance masks with the names of the masks, such as VOC's
            ``SegmentationObject``: absolute, or relative to the dataset's ``data_root`` or to the
            working directory. Objects of images without one, and without such a folder those of
            all, are connected components, see :func:`object_boxes`.
        enlarge (float): Side of a crop by that of its box; the image's borders cut it off.
        min_size (int): Pixels that the shorter side of a box must have.
        cache (str, optional): Folder of the cache. Defaults to the environment variable
            ``LABEL_EFFICIENT_SEG_CACHE``, and without it to ``~/.cache/label_efficient_seg``.

    Raises:
        FileNotFoundError: If a mask does not exist, or no image has an instance mask.
        OSError: If the cache cannot be written.
        ValueError: If the dataset has no masks, its pipeline does more than loading, or no box is
            left.
    """

    def __init__(
        self,
        dataset: dict,
        pipeline: Sequence[dict],
        *,
        instances: str = '',
        enlarge: float = 1.2,
        min_size: int = 16,
        cache: str | None = None,
    ) -> None:
        self.dataset = DATASETS.build(dataset)
        self.dataset.full_init()
        if enlarge < 1:
            raise UserError(f'enlarge is {enlarge}, but a crop must hold its box; give at least 1')
        self.pipeline = Compose(pipeline)
        self.enlarge = enlarge
        self._loader = LoadCheckedAnnotations(backend_args=self.dataset.backend_args)
        items = [self.dataset.get_data_info(index) for index in range(len(self.dataset))]
        if unlabeled := [item for item in items if 'seg_map_path' not in item]:
            raise UserError(
                f"{type(self).__name__} needs masks, but '{unlabeled[0]['img_path']}' has none; "
                'give the labeled part of the dataset'
            )
        if instances:
            self._add_instance_paths(items, instances)
        self._add_sources(items)
        name = f'crops-{self._fingerprint(items)}'
        crops = Crops(**cached_arrays(name, lambda: self._find_crops(items)._asdict(), cache))
        kept = (crops.boxes[:, 2:] - crops.boxes[:, :2]).min(axis=1) >= min_size
        if not kept.any():
            raise UserError(
                f'{type(self).__name__} has no crop: the {len(items)} images have {len(kept)} '
                f'boxes, none of which has a shorter side of {min_size} pixels; lower min_size, '
                'or check the masks with les check CONFIG'
            )
        self.crops = Crops(*(values[kept] for values in crops))
        self._load(int(self.crops.images[0]))  # a wrong pipeline fails here, not in a worker

    @property
    def metainfo(self) -> dict:
        """dict: Meta information of the dataset."""
        return self.dataset.metainfo

    def full_init(self) -> None:
        """Nothing is left to read."""

    def __len__(self) -> int:
        """Number of crops."""
        return len(self.crops.images)

    def __getitem__(self, index: int) -> Any:
        """Load one crop."""
        results = self._load(int(self.crops.images[index]))
        (box,) = prepare_boxes(
            self.crops.boxes[index : index + 1], results['ori_shape'], self.enlarge
        )
        x1, y1, x2, y2 = box.tolist()
        for key in ('img', *results['seg_fields']):
            results[key] = results[key][y1:y2, x1:x2]
        results['img_shape'] = results['ori_shape'] = (y2 - y1, x2 - x1)
        results['gt_seg_map'] = self._annotate(results['gt_seg_map'], int(self.crops.labels[index]))
        return self.pipeline(results)

    @abstractmethod
    def _boxes(
        self, item: dict, objects: list[tuple[int, Box]], size: tuple[int, int]
    ) -> Sequence[tuple[int, Sequence[float]]]:
        """Labels and boxes of an image's crops, from its objects and its height and width."""

    def _annotate(self, mask: np.ndarray, label: int) -> np.ndarray:
        return mask

    def _add_sources(self, items: list[dict]) -> None:
        """Add to ``item['sources']`` the further files that the boxes of an image depend on."""

    def _settings(self) -> dict:
        """What else the boxes depend on."""
        return {}

    def _load(self, image: int) -> dict:
        results = self.dataset[image]
        if not isinstance(results, dict) or not {'img', 'gt_seg_map'} <= results.keys():
            fault = 'does not give img and gt_seg_map'
        elif results['img'].shape[:2] != tuple(results['ori_shape']):
            fault = f"changes the size of '{results['img_path']}'"
        else:
            return results
        raise UserError(
            f'the pipeline of the dataset in {type(self).__name__} {fault}; it must be '
            "[dict(type='LoadImageFromFile'), dict(type='LoadCheckedAnnotations')], and all else "
            f'belongs into the pipeline of {type(self).__name__}'
        )

    def _add_instance_paths(self, items: list[dict], folder: str) -> None:
        below = os.path.join(self.dataset.data_root or '', folder)
        folder = below if os.path.isdir(below) else folder
        found = False
        for item in items:
            name = os.path.relpath(item['seg_map_path'], self.dataset.data_prefix['seg_map_path'])
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                item['instance_path'], found = path, True
        if not found:
            raise MissingFileError(
                f"no image has an instance mask in '{folder}', such as '{path}'; give instances a "
                'folder whose files are named like the masks, or leave it out'
            )

    def _fingerprint(self, items: list[dict]) -> str:
        """Digest of the list, and of all files by their size and time."""
        keys = ('label_map', 'num_classes', 'ignore_index', 'reduce_zero_label', 'mask_values')
        content = [type(self).__name__, VERSION, self._settings()]
        for item in items:
            paths = [item['seg_map_path'], item.get('instance_path'), *item.get('sources', ())]
            states = [(path, os.stat(path)) for path in map(_absolute, paths) if path]
            content.append([repr(item.get(key)) for key in keys])
            content.append([(path, state.st_size, state.st_mtime_ns) for path, state in states])
        return digest(content)[:16]

    def _find_crops(self, items: list[dict]) -> Crops:
        found = list(map_files(self._find, items, 'boxes of masks'))
        images = np.repeat(np.arange(len(items)), [len(labels) for labels, _ in found])
        labels, boxes = zip(*found, strict=True)
        return Crops(images, np.concatenate(labels), np.concatenate(boxes))

    def _find(self, item: dict) -> tuple[np.ndarray, np.ndarray]:
        mask = self._loader(dict(item, seg_fields=[]))['gt_seg_map']
        numbers = None
        if 'instance_path' in item:
            file = dict(
                img_path=item['img_path'],
                seg_map_path=item['instance_path'],
                ori_shape=mask.shape,
                reduce_zero_label=False,
                seg_fields=[],
            )
            numbers = self._loader(file)['gt_seg_map']
        crops = self._boxes(item, object_boxes(mask, numbers), mask.shape)
        labels, boxes = [label for label, _ in crops], [box for _, box in crops]
        # Arrays at once: there may be millions of crops.
        return np.array(labels, np.int64), np.array(boxes, np.float32).reshape(-1, 4)


def _absolute(path: str | None) -> str | None:
    return path and os.path.abspath(path)

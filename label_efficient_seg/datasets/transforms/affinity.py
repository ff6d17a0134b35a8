"""From the scores of a CRF to the labels that AffinityNet learns from."""

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...core.errors import UserError
from ...core.labels import IGNORE
from ...ops import confident_labels
from ..files.class_maps import read_class_maps

LOW, HIGH, CLASSES = 'affinity_low', 'affinity_high', 'affinity_classes'


@TRANSFORMS.register_module()
class LoadAffinityScores(BaseTransform):
    """Load the scores of the background and of the present classes, as maps beside the image.

    It stands right behind ``LoadImageFromFile``, in the place of ``LoadAnnotations``. The dataset
    finds the files of ``les scores`` with ``data_prefix.seg_map_path`` and
    ``seg_map_suffix='.npz'``. Later transforms crop and flip the maps as they do any mask.

    Required keys: ``img`` of shape (H, W, C), ``seg_map_path``, ``seg_fields``. Optional keys:
    ``num_classes``, without which classes are not checked.

    Added keys: ``affinity_low`` and ``affinity_high``, float32 of shape (H, W, k), which are also
    named in ``seg_fields``, and ``affinity_classes``, the class indices of their channels.
    """

    def transform(self, results: dict) -> dict:
        """Add the maps.

        Args:
            results (dict): With a loaded ``img``.

        Returns:
            dict: The same dict with the maps.

        Raises:
            FileNotFoundError: If the file does not exist.
            ValueError: If it holds no affinity scores, or those of another image or other classes.
        """
        path, size = results['seg_map_path'], results['img'].shape[:2]
        classes, maps, _ = read_class_maps(path)
        if maps.keys() != {'low', 'high'} or not len(classes) or classes[0] != 0:
            raise UserError(
                f"'{path}' holds no affinity scores but the maps {', '.join(maps)}; "
                'data_prefix.seg_map_path must be the folder "scores" that '
                'les scores wrote'
            )
        if maps['low'].shape[1:] != size:
            raise UserError(
                f"scores '{path}' have the size {maps['low'].shape[1:]}, but the image "
                f"'{results.get('img_path')}' has {size}; make them from these images, and resize "
                'none before the scores are loaded'
            )
        if classes.max() >= results.get('num_classes', np.inf):
            raise UserError(
                f"scores '{path}' have the class {classes.max()}, but the dataset has "
                f'{results["num_classes"]} classes; give both the same metainfo'
            )
        results[CLASSES] = classes
        for key, name in ((LOW, 'low'), (HIGH, 'high')):
            results[key] = maps[name].transpose(1, 2, 0)
            results['seg_fields'].append(key)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'


@TRANSFORMS.register_module()
class AffinityTarget(BaseTransform):
    """Turn scores into labels on the grid of the features: a class where both powers are sure.

    The scores are padded with zeros at the right and at the bottom to the size of the crop, outside
    of which lies no image, averaged over the cells of the grid, and compared by
    :func:`confident_labels`. It stands behind crops, flips and ``Pad``, which must pad the image
    likewise and would take the labels for those of pixels. The released code has the image
    somewhere in the crop instead, whereby cells at its border differ.

    Required keys: those of :class:`LoadAffinityScores`, which are removed.

    Added keys: ``gt_seg_map``, int64 of shape (h, w), class indices or 255.

    Args:
        crop_size (tuple[int, int]): Height and width of the crop, multiples of the stride.
        stride (int): Pixels per cell.

    Raises:
        ValueError: If ``crop_size`` is no multiple of the stride.

    Source: Ahn & Kwak, Learning Pixel-level Semantic Affinity, CVPR 2018.
    """

    def __init__(self, crop_size: tuple[int, int], stride: int = 8) -> None:
        if any(length % stride for length in crop_size):
            raise UserError(
                f'crop_size={tuple(crop_size)} of AffinityTarget must be multiples of its '
                f'stride={stride}'
            )
        self.crop_size, self.stride = tuple(crop_size), stride

    def transform(self, results: dict) -> dict:
        """Replace the scores by labels.

        Args:
            results (dict): With scores of the size of the image or of what was cropped from it.

        Returns:
            dict: The same dict with ``gt_seg_map``.

        Raises:
            ValueError: If the scores are larger than the crop.
        """
        low, high = (self._average(results.pop(key)) for key in (LOW, HIGH))
        index = confident_labels(low, high)[0].numpy()
        classes = np.full(256, IGNORE)
        classes[: low.shape[1]] = results.pop(CLASSES)
        results['gt_seg_map'] = classes[index]
        results['seg_fields'] = [x for x in results['seg_fields'] if x not in (LOW, HIGH)]
        results['seg_fields'].append('gt_seg_map')
        return results

    def _average(self, scores: np.ndarray) -> torch.Tensor:
        """Scores of the cells, shape (1, k, h, w)."""
        (height, width), (rows, columns) = self.crop_size, scores.shape[:2]
        if rows > height or columns > width:
            raise UserError(
                f'AffinityTarget got scores of {rows} x {columns} for a crop_size of {height} x '
                f'{width}; put RandomCrop with this size before it'
            )
        padded = np.zeros((height, width, scores.shape[2]), np.float32)
        padded[:rows, :columns] = scores
        cells = padded.reshape(
            height // self.stride, self.stride, width // self.stride, self.stride, -1
        )
        return torch.from_numpy(cells.mean((1, 3))).permute(2, 0, 1)[None]

    def __repr__(self) -> str:
        return f'{type(self).__name__}(crop_size={self.crop_size}, stride={self.stride})'

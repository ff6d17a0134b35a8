"""Masks from class activation maps, without any refinement."""

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...core.errors import UserError
from ...ops import with_background
from ..files.class_maps import read_class_maps


@TRANSFORMS.register_module()
class LoadCAMMask(BaseTransform):
    """Load the mask that class activation maps (CAMs) give by themselves.

    At each pixel, the class of the highest CAM, or the background where the score (1 - highest
    CAM)^alpha of :func:`with_background` is higher still. It stands right behind
    ``LoadImageFromFile``, in the place of ``LoadAnnotations``. The dataset finds the files of
    ``les cams`` with ``data_prefix.seg_map_path`` and ``seg_map_suffix='.npz'``.

    Required keys: ``img`` of shape (H, W, C), ``seg_map_path``, ``seg_fields``.

    Added keys: ``gt_seg_map``, uint8 of shape (H, W), which is also named in ``seg_fields``.

    Args:
        alpha (float): Power of the background; the larger, the less background.

    Raises:
        ValueError: If ``alpha`` is not positive.

    Source: Ahn & Kwak, Learning Pixel-level Semantic Affinity, CVPR 2018.
    """

    def __init__(self, alpha: float = 16) -> None:
        if alpha <= 0:
            raise UserError(f'alpha of LoadCAMMask must be positive, but is {alpha}')
        self.alpha = alpha

    def transform(self, results: dict) -> dict:
        """Add the mask.

        Args:
            results (dict): With a loaded ``img``.

        Returns:
            dict: The same dict with ``gt_seg_map``.

        Raises:
            FileNotFoundError: If the file does not exist.
            ValueError: If it holds no CAMs, or those of another image.
        """
        path, size = results['seg_map_path'], results['img'].shape[:2]
        classes, maps, _ = read_class_maps(path)
        if maps.keys() != {'cam'} or maps['cam'].shape[1:] != size:
            raise UserError(
                f"'{path}' holds no CAMs of the size {size} of image '{results.get('img_path')}'; "
                'data_prefix.seg_map_path must be the folder "cams" that les cams wrote for these '
                'images, and no transform may resize them before'
            )
        scores = with_background(torch.from_numpy(maps['cam'])[None], self.alpha)
        labels = np.append(0, classes).astype(np.uint8)
        results['gt_seg_map'] = labels[scores.argmax(1)[0].numpy()]
        results['seg_fields'].append('gt_seg_map')
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(alpha={self.alpha})'

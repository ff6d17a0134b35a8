"""Padding on all sides."""

from collections.abc import Sequence

import cv2
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class CenterPad(BaseTransform):
    """Pad images that are smaller than a size, with the image in the middle.

    MMSeg's ``Pad`` puts the image into the upper left corner. An odd pixel goes to the right and
    below.

    Required keys: ``img``, every key named in ``seg_fields`` (optional).

    Modified keys: ``img``, ``img_shape`` and the masks. Added key: ``pad_shape``.

    Args:
        size (tuple[int, int]): Height and width that the image has at least.
        pad_val (Sequence[float]): Color of the padding, in the order of the image's channels.
        seg_pad_val (int): Label of the padding.

    Source: the released code of CaGNet and SIGN, which pads scaled-down images to the size before
    scaling, and then crops them.
    """

    def __init__(
        self,
        size: tuple[int, int],
        pad_val: Sequence[float] = (0, 0, 0),
        seg_pad_val: int = 255,
    ) -> None:
        self.size, self.pad_val, self.seg_pad_val = tuple(size), tuple(pad_val), seg_pad_val

    def transform(self, results: dict) -> dict:
        """Pad the image and its masks.

        Args:
            results (dict): With ``img`` of shape (H, W, C) and masks of shape (H, W).

        Returns:
            dict: The same dict, with a size of at least ``size``.
        """
        borders = []
        for wanted, length in zip(self.size, results['img'].shape[:2], strict=True):
            missing = max(wanted - length, 0)
            borders += [missing // 2, missing - missing // 2]
        if any(borders):
            constant = cv2.BORDER_CONSTANT
            results['img'] = cv2.copyMakeBorder(
                results['img'], *borders, constant, value=self.pad_val
            )
            for key in results.get('seg_fields', ()):
                results[key] = cv2.copyMakeBorder(
                    results[key], *borders, constant, value=self.seg_pad_val
                )
        results['img_shape'] = results['pad_shape'] = results['img'].shape[:2]
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(size={self.size}, pad_val={self.pad_val}, '
            f'seg_pad_val={self.seg_pad_val})'
        )

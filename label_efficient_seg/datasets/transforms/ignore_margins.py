from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...core.labels import IGNORE


@TRANSFORMS.register_module()
class IgnoreMargins(BaseTransform):
    """Mark the margins of an image as ignored, such as the car that carries the camera.

    Put it after ``Resize`` and before ``RandomCrop``. In an image without labels, see
    :class:`LoadValidMask`, its pixels then count as padding: models learn nothing from them.

    Required keys: ``gt_seg_map``, uint8, (H, W). It is changed in place.

    Args:
        top (int): Rows to ignore.
        bottom (int): The same at the other side.
        left (int): Columns to ignore.
        right (int): The same at the other side.
    """

    def __init__(self, top: int = 0, bottom: int = 0, left: int = 0, right: int = 0) -> None:
        self.top, self.bottom, self.left, self.right = top, bottom, left, right

    def transform(self, results: dict) -> dict:
        """Mark rows and columns.

        Args:
            results (dict): With ``gt_seg_map``.

        Returns:
            dict: The same dict.
        """
        mask = results['gt_seg_map']
        mask[: self.top] = IGNORE
        mask[len(mask) - self.bottom :] = IGNORE
        mask[:, : self.left] = IGNORE
        mask[:, mask.shape[1] - self.right :] = IGNORE
        return results

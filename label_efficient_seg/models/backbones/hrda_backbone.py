from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor

from ...core.errors import UserError


@MODELS.register_module()
class HRDABackbone(BaseModule):
    """One backbone for a whole image at half its size and for windows of it at full size.

    The half-sized image gives the context, the windows give the details; :class:`HRDAHead` fuses
    both. In training there is one window, at a random position that the batch shares. In evaluation
    mode, so also in a teacher, windows that overlap by half cover the image.

    Args:
        backbone (dict): Config of the backbone. It gives one level or several.
        crop_size (Sequence[int]): Height and width of a window; the image's own where it is
            smaller.
        align (int): Sides of images and windows, and positions of windows, are multiples of it.
            Twice the stride of the class scores keeps both sizes aligned.
        init_cfg (dict, optional): As of any module of MMEngine. That of ``backbone`` is its own.

    Source: Hoyer et al., HRDA: Context-Aware High-Resolution Domain-Adaptive Semantic
    Segmentation, ECCV 2022, sec. 3.2 and 3.4.
    """

    def __init__(
        self,
        backbone: dict,
        *,
        crop_size: Sequence[int] = (512, 512),
        align: int = 8,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if any(side % align for side in crop_size):
            raise UserError(f'crop_size {tuple(crop_size)} must have multiples of align={align}')
        self.backbone = MODELS.build(backbone)
        self.crop_size, self.align = tuple(crop_size), align

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Compute the features of both sizes.

        Args:
            images (Tensor): (N, 3, H, W).

        Returns:
            tuple[Tensor]: The windows, int64 on the CPU, (K, 4) of first row, first column, last
            row + 1 and last column + 1; their levels, each (K * N, C_i, h_i, w_i), all images of
            the first window first; the levels of the half-sized images, each (N, C_i, h'_i, w'_i).
            So the last tensor is the last level of the whole images.

        Raises:
            UserError: If a side of the images is no multiple of ``align``.
        """
        size = height, width = images.shape[2], images.shape[3]
        if height % self.align or width % self.align:
            raise UserError(
                f'images of {height}x{width} have a side that is no multiple of {self.align}; set '
                f'crops to multiples, and model.data_preprocessor.size_divisor={self.align} for '
                f'training or test_cfg=dict(size_divisor={self.align}) there for other images'
            )
        context = self.context(images)
        windows = self._random_window(size) if self.training else self._all_windows(size)
        crops = [images[:, :, y1:y2, x1:x2] for y1, x1, y2, x2 in windows]
        return (torch.tensor(windows), *self.backbone(torch.cat(crops)), *context)

    def context(self, images: Tensor) -> tuple[Tensor, ...]:
        """The levels of the half-sized images (N, 3, H, W) alone."""
        half = F.interpolate(images, scale_factor=0.5, mode='bilinear', align_corners=False)
        return tuple(self.backbone(half))

    def _random_window(self, size: tuple[int, int]) -> list[list[int]]:
        sides = [min(pair) for pair in zip(self.crop_size, size, strict=True)]
        first = [
            int(torch.randint((length - side) // self.align + 1, ())) * self.align
            for length, side in zip(size, sides, strict=True)
        ]
        return [[*first, *(start + side for start, side in zip(first, sides, strict=True))]]

    def _all_windows(self, size: tuple[int, int]) -> list[list[int]]:
        rows, columns = (
            _spans(*pair, self.align) for pair in zip(size, self.crop_size, strict=True)
        )
        return [[y1, x1, y2, x2] for y1, y2 in rows for x1, x2 in columns]


def _spans(length: int, side: int, align: int) -> list[tuple[int, int]]:
    """Spans of a side that start half a span apart; the last one ends with the side."""
    side = min(side, length)
    step = max(side // 2 // align, 1) * align
    starts = [*range(0, length - side, step), length - side]
    return [(start, start + side) for start in starts]

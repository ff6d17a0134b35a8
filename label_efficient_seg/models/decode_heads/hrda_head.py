from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import SampleList, add_prefix
from torch import Tensor

from ...core.errors import UserError
from ..losses import LossPart, pixel_losses

Outputs = tuple[Tensor, Tensor, Tensor]


@MODELS.register_module()
class HRDAHead(BaseDecodeHead):
    """Class scores from the whole image at half its size and from windows at full size.

    With f the head, c and d the levels of :class:`HRDABackbone`, up the enlargement to twice the
    height and width, and the mean over windows where they overlap::

        a = sigmoid(attention(c)), 0 outside of the windows       one for each class and position
        s = up((1 - a) * f(c)) + up(a) * f(d), put to their places
        L = (1 - lambda_detail) * loss(s) + lambda_detail * loss(f(d))

    Args:
        head (dict): Config of f, without ``num_classes`` and losses.
        attention (dict): The same of the head whose scores become the attention.
        lambda_detail (float): Share of the loss of the window alone, in [0, 1).
        **kwargs: Further arguments of MMSeg's ``BaseDecodeHead``, such as ``num_classes`` and
            ``loss_decode``.

    Source: Hoyer et al., HRDA, ECCV 2022, sec. 3.3.
    """

    def __init__(
        self, head: dict, attention: dict, *, lambda_detail: float = 0.1, **kwargs
    ) -> None:
        super().__init__(in_channels=1, channels=1, init_cfg=None, **kwargs)
        del self.conv_seg, self.dropout
        same = dict(num_classes=self.num_classes, align_corners=self.align_corners)
        self.head, self.attention = (MODELS.build(dict(cfg, **same)) for cfg in (head, attention))
        self.lambda_detail = lambda_detail

    def forward(self, inputs: Sequence[Tensor]) -> Tensor | Outputs:
        """Classify each position.

        Args:
            inputs (Sequence[Tensor]): Output of :class:`HRDABackbone`.

        Returns:
            Tensor | tuple[Tensor]: s, (N, C, h, w); in training also the scores of the window alone
            and the window.

        Raises:
            UserError: If the backbone's maps do not divide the sides of the windows.
        """
        windows, *levels = inputs
        details, context = levels[: len(levels) // 2], levels[len(levels) // 2 :]
        whole, parts = self.head(context), self.head(details)
        attention = self.attention(context).sigmoid()
        side = int(windows[0, 2] - windows[0, 0])
        stride = side // parts.shape[2]
        if stride * parts.shape[2] != side:
            raise UserError(
                f'windows of {side} rows have scores of {parts.shape[2]} rows; HRDA needs a '
                'backbone and a head that divide sides by a whole number, as MixVisionTransformer '
                'does'
            )
        boxes = (windows // stride).tolist()
        size = (2 * whole.shape[2], 2 * whole.shape[3])
        placed, count = _place(parts.split(len(whole)), boxes, size)
        covered = count[::2, ::2] > 0
        attention = attention * covered
        whole, attention = (
            F.interpolate(x, size, mode='bilinear', align_corners=self.align_corners)
            for x in ((1 - attention) * whole, attention)
        )
        fused = whole + attention * placed
        return (fused, parts, windows) if self.training else fused

    def loss_parts(self, outputs: Outputs) -> list[LossPart]:
        """The scores that a loss compares with labels; the first are those of the whole image.

        Args:
            outputs (tuple[Tensor]): What :meth:`forward` returns in training.

        Returns:
            list[LossPart]: s with the whole image, and the window's own scores with the window.
        """
        fused, parts, windows = outputs
        y1, x1, y2, x2 = windows[0].tolist()
        return [
            LossPart(1 - self.lambda_detail, fused, (...,)),
            LossPart(self.lambda_detail, parts, (..., slice(y1, y2), slice(x1, x2))),
        ]

    def loss_by_feat(self, seg_logits: Outputs, batch_data_samples: SampleList) -> dict:
        """L; see the class docstring.

        Args:
            seg_logits (tuple[Tensor]): What :meth:`forward` returns in training.
            batch_data_samples (list[SegDataSample]): With ground truth.

        Returns:
            dict[str, Tensor]: Losses and accuracy of s, and of the window with ``detail.``.
        """
        losses: dict[str, Tensor] = {}
        for part, prefix in zip(self.loss_parts(seg_logits), ('', 'detail'), strict=True):
            samples = [
                SegDataSample(gt_sem_seg=PixelData(data=sample.gt_sem_seg.data[part.area]))
                for sample in batch_data_samples
            ]
            found = pixel_losses(self, part.scores, samples)
            found = {k: part.share * v if 'loss' in k else v for k, v in found.items()}
            losses.update(add_prefix(found, prefix) if prefix else found)
        return losses


def _place(
    parts: Sequence[Tensor], boxes: Sequence[Sequence[int]], size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Mean of maps (N, C, h, w) at their places, (N, C, H, W), and how many are there, (H, W)."""
    first = parts[0]
    placed = first.new_zeros(*first.shape[:2], *size)
    count = first.new_zeros(size)
    for part, (y1, x1, y2, x2) in zip(parts, boxes, strict=True):
        placed[:, :, y1:y2, x1:x2] += part
        count[y1:y2, x1:x2] += 1
    return placed / count.clamp(min=1), count

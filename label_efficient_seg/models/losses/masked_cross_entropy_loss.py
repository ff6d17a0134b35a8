from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...core.errors import UnknownArgumentError, UserError
from ...ops import class_scores
from .masked_mean import masked_mean


def masked_cross_entropy(
    logits: Tensor, labels: Tensor, weight: Tensor | None = None, ignore_index: int = 255
) -> Tensor:
    """Cross entropy averaged over selected pixels, ``sum(w * CE) / sum(w)``.

    Args:
        logits (Tensor): Class scores, (N, C, H, W), any float dtype.
        labels (Tensor): Class indices, (N, H, W), int64.
        weight (Tensor, optional): Boolean mask or weights >= 0, (N, H, W). All pixels count
            equally when absent. Pixels labeled ``ignore_index`` never count.
        ignore_index (int): Label of pixels without a class.

    Returns:
        Tensor: Scalar; 0, not NaN, if no pixel counts.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    values = F.cross_entropy(logits, labels, ignore_index=ignore_index, reduction='none')
    counted = labels != ignore_index
    return masked_mean(values, counted if weight is None else counted * weight)


@MODELS.register_module()
class MaskedCrossEntropyLoss(nn.Module):
    """:func:`masked_cross_entropy` as an MMSeg loss, usable as ``loss_decode`` of any head.

    Unlike MMSeg's ``CrossEntropyLoss`` it averages over the labeled pixels only, as PyTorch and the
    semi-supervised literature do, and over all processes of a distributed run. Binary heads with
    ``out_channels=1`` and samplers of hard pixels (``OHEMPixelSampler``) work as well.

    Args:
        loss_weight (float): Factor of the loss.
        loss_name (str): Name in the log; it must contain ``loss`` to be optimised.
        class_weight (Sequence[float], optional): Weight of each class. As in PyTorch, the sum is
            divided by the weights of the labeled pixels.
    """

    def __init__(
        self,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_ce',
        class_weight: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        weights = None if class_weight is None else torch.tensor(class_weight, dtype=torch.float32)
        self.class_weight: Tensor | None
        self.register_buffer('class_weight', weights, persistent=False)
        self.loss_weight = loss_weight
        self._loss_name = loss_name

    @property
    def loss_name(self) -> str:
        """str: Name in the log."""
        return self._loss_name

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = 255,
        reduction_override: str | None = None,
        **kwargs,
    ) -> Tensor:
        """Average over the pixels.

        Args:
            cls_score (Tensor): Class scores, (N, C, H, W), or (N, 1, H, W) of a binary head.
            label (Tensor): Class indices, (N, H, W), int64.
            weight (Tensor, optional): See :func:`masked_cross_entropy`.
            ignore_index (int): Label of pixels without a class.
            reduction_override (str, optional): ``'none'`` for the loss of each pixel, (N, H, W), by
                which samplers find the hard ones.
            **kwargs: Other keywords of MMSeg's losses, which are refused.

        Returns:
            Tensor: Scalar, unless ``reduction_override`` is ``'none'``.

        Raises:
            TypeError: If there is another keyword.
            ValueError: If ``class_weight`` has another length than there are classes.
        """
        if kwargs or reduction_override not in (None, 'none'):
            names = sorted(kwargs) or [f'reduction_override={reduction_override!r}']
            raise UnknownArgumentError(f'MaskedCrossEntropyLoss does not support {names}')
        scores = class_scores(cls_score)
        class_weight = self.class_weight
        if class_weight is not None and len(class_weight) != scores.shape[1]:
            raise UserError(
                f'class_weight of MaskedCrossEntropyLoss has {len(class_weight)} values for '
                f'{scores.shape[1]} classes; give one for each class'
            )
        if reduction_override == 'none':
            values = F.cross_entropy(
                scores.to(torch.promote_types(scores.dtype, torch.float32)),
                label, class_weight, ignore_index=ignore_index, reduction='none',
            )  # fmt: skip
            return self.loss_weight * values
        if class_weight is not None:
            weights = class_weight[label.masked_fill(label == ignore_index, 0)]
            weight = weights if weight is None else weights * weight
        return self.loss_weight * masked_cross_entropy(scores, label, weight, ignore_index)

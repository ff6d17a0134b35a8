import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...core.errors import UnknownArgumentError
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
    semi-supervised literature do, and over all processes of a distributed run.

    Args:
        loss_weight (float): Factor of the loss.
        loss_name (str): Name in the log; it must contain ``loss`` to be optimised.
    """

    def __init__(self, loss_weight: float = 1.0, loss_name: str = 'loss_ce') -> None:
        super().__init__()
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
        **kwargs,
    ) -> Tensor:
        """See :func:`masked_cross_entropy`; other keywords of MMSeg's losses are refused."""
        if kwargs:
            raise UnknownArgumentError(f'MaskedCrossEntropyLoss does not support {sorted(kwargs)}')
        return self.loss_weight * masked_cross_entropy(cls_score, label, weight, ignore_index)

import torch
from mmseg.registry import MODELS
from torch import Tensor

from .adversarial_loss import AdversarialLoss
from .masked_mean import masked_mean


@MODELS.register_module()
class SigmoidL1Loss(AdversarialLoss):
    """GAN loss of the released code of CaGNet and SIGN: ``|sigmoid(logit) - label|``.

    The papers have the squared distance of the output itself, ``AdversarialLoss(mode='lsgan')``.
    """

    def __init__(self) -> None:
        super().__init__('bce')

    def forward(self, logits: Tensor, real: bool, valid: Tensor | None = None) -> Tensor:
        """Mean loss over the valid positions; see the parent class for arguments and returns."""
        # |s - 1| is the sigmoid of the negated logit, without the rounding of the difference.
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        values = (-logits if real else logits).sigmoid()
        return masked_mean(values, values.new_ones(()) if valid is None else valid)

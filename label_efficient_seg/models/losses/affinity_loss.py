import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from .masked_mean import masked_mean


@MODELS.register_module()
class AffinityLoss(nn.Module):
    """Cross entropy of affinities, balanced between three kinds of pairs.

    ``L = L_background / 4 + L_foreground / 4 + L_different / 2``. The first two are the means of
    ``-log(W + eps)`` over the pairs within the background and within a foreground class, the last
    that of ``-log(1 - W + eps)`` over the pairs of different classes. A kind without pairs
    contributes 0. These are the weights of the released code; the paper's are four times as large.

    Args:
        loss_weight (float): Factor of the whole loss.
        eps (float): Bounds the loss of a pair that is quite wrong, 1e-5 in the released code.

    Source: Ahn & Kwak, Learning Pixel-level Semantic Affinity, CVPR 2018.
    """

    def __init__(self, loss_weight: float = 1.0, eps: float = 1e-5) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.eps = eps

    def forward(
        self, affinities: Tensor, background: Tensor, foreground: Tensor, different: Tensor
    ) -> dict[str, Tensor]:
        """The three parts, weighted: their sum is L.

        Args:
            affinities (Tensor): (N, K, H, W), in [0, 1], any float dtype.
            background (Tensor): Boolean mask of the pairs of this kind, same shape.
            foreground (Tensor): Likewise.
            different (Tensor): Likewise.

        Returns:
            dict[str, Tensor]: Scalars, at least float32.
        """
        affinities = affinities.to(torch.promote_types(affinities.dtype, torch.float32))
        alike = -(affinities + self.eps).log()
        unlike = -(1 - affinities + self.eps).log()
        return {
            'loss_background': self.loss_weight / 4 * masked_mean(alike, background),
            'loss_foreground': self.loss_weight / 4 * masked_mean(alike, foreground),
            'loss_different': self.loss_weight / 2 * masked_mean(unlike, different),
        }

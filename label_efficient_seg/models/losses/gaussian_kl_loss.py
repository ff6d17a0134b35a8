import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from .masked_mean import masked_mean


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence of a normal distribution from the standard one.

    ``-1/2 (1 + log v - mean^2 - v)`` with the variance v.

    Args:
        mean (Tensor): Any shape, any float dtype.
        log_variance (Tensor): log v, same shape.

    Returns:
        Tensor: Same shape, at least float32, >= 0 up to rounding.

    Source: Kingma & Welling, Auto-Encoding Variational Bayes, ICLR 2014, appendix B.
    """
    dtype = torch.promote_types(mean.dtype, torch.float32)
    mean, log_variance = mean.to(dtype), log_variance.to(dtype)
    return (mean.square() + log_variance.exp() - 1 - log_variance) / 2


@MODELS.register_module()
class GaussianKLLoss(nn.Module):
    """:func:`gaussian_kl` averaged over the pixels that count and over the channels.

    Args:
        loss_weight (float): Factor of the loss.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, mean: Tensor, log_variance: Tensor, valid: Tensor) -> Tensor:
        """Mean divergence.

        Args:
            mean (Tensor): (N, C, H, W).
            log_variance (Tensor): Same shape.
            valid (Tensor): Boolean mask of the pixels that count, (N, H, W).

        Returns:
            Tensor: Scalar, at least float32; 0 if no pixel counts.
        """
        return self.loss_weight * masked_mean(gaussian_kl(mean, log_variance), valid[:, None])

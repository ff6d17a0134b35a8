import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...core.errors import UserError
from .masked_mean import masked_mean

BOUNDARY = {'bce': 0.0, 'lsgan': 0.5}


@MODELS.register_module()
class AdversarialLoss(nn.Module):
    """GAN loss of dense logits against one label, real = 1 or fake = 0.

    ``mode='bce'`` is the binary cross entropy of the sigmoid (Goodfellow et al., 2014), in its
    logits form, which is safe in half precision; ``mode='lsgan'`` the squared distance to the
    label (Mao et al., 2017).

    Args:
        mode (str): ``'bce'`` or ``'lsgan'``.

    Raises:
        ValueError: If ``mode`` is something else.
    """

    def __init__(self, mode: str = 'bce') -> None:
        super().__init__()
        if mode not in BOUNDARY:
            raise UserError(f'mode {mode!r} is unknown; choose one of {sorted(BOUNDARY)}')
        self.mode = mode

    @property
    def boundary(self) -> float:
        """float: Logits above it are closer to real than to fake."""
        return BOUNDARY[self.mode]

    def probability(self, logits: Tensor) -> Tensor:
        """Belief in [0, 1] that something is real: the sigmoid, or for ``lsgan`` the clamped score.

        Args:
            logits (Tensor): Any shape.

        Returns:
            Tensor: Same shape.
        """
        return logits.sigmoid() if self.mode == 'bce' else logits.clamp(0, 1)

    def forward(self, logits: Tensor, real: bool, valid: Tensor | None = None) -> Tensor:
        """Mean loss over the valid positions.

        Args:
            logits (Tensor): Any shape.
            real (bool): The label of all positions.
            valid (Tensor, optional): Boolean mask of the positions that count, same shape.

        Returns:
            Tensor: Scalar, at least float32; 0 if no position is valid.
        """
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        target = torch.full_like(logits, float(real))
        if self.mode == 'bce':
            values = F.binary_cross_entropy_with_logits(logits, target, reduction='none')
        else:
            values = (logits - target).square()
        return masked_mean(values, torch.ones_like(logits) if valid is None else valid)

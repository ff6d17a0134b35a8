"""Class activation maps as scores: their scale, and how likely no class at all is."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..core.errors import UserError


def normalize_cams(cams: Tensor, eps: float = 1e-5) -> Tensor:
    """Divide each class activation map by its maximum.

    Args:
        cams (Tensor): Maps that are nowhere negative, shape (N, C, H, W), any float dtype.
        eps (float): Added to the maximum, so that an empty map stays empty.

    Returns:
        Tensor: At least float32, shape (N, C, H, W), in [0, 1).
    """
    cams = cams.to(torch.promote_types(cams.dtype, torch.float32))
    return cams / (cams.amax((2, 3), keepdim=True) + eps)


def with_background(cams: Tensor, alpha: float) -> Tensor:
    """Put the score of the background, (1 - max_c M_c)^alpha, before normalised CAMs.

    The higher alpha, the fewer pixels are background: where one class is present, those whose CAM
    is at most :func:`~label_efficient_seg.evaluation.alpha_threshold` of it.

    Args:
        cams (Tensor): Normalised CAMs in [0, 1], shape (N, C, H, W); C may be 0.
        alpha (float): Power of the background.

    Returns:
        Tensor: Shape (N, 1 + C, H, W), in [0, 1].

    Raises:
        ValueError: If ``alpha`` is not positive.

    Source: Ahn & Kwak, Learning Pixel-level Semantic Affinity, CVPR 2018, eq. (2).
    """
    if alpha <= 0:
        raise UserError(f'alpha, the power of the background, must be positive, but is {alpha}')
    # A channel of zeros in front: without any class, the background is certain.
    strongest = F.pad(cams, (0, 0, 0, 0, 1, 0)).amax(1, keepdim=True)
    return torch.cat([(1 - strongest) ** alpha, cams], dim=1)

"""Labels of blocks of pixels, for feature maps that are coarser than the image."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..core.labels import IGNORE


def block_labels(
    labels: Tensor, num_classes: int, size: tuple[int, int], min_share: float = 0.75
) -> Tensor:
    """The class that fills most of each block.

    Args:
        labels (Tensor): (N, H, W), int64. Values outside [0, num_classes) are no class, but part of
            their block.
        num_classes (int): C.
        size (tuple[int, int]): Number of blocks, (h, w); they overlap by a pixel where H or W is no
            multiple.
        min_share (float): Smallest share of a block that its class must fill, in (0.5, 1].

    Returns:
        Tensor: (N, h, w), int64; 255 where no class fills enough.

    Source: Hoyer et al., DAFormer, CVPR 2022, sec. 3.3.
    """
    classes = torch.arange(num_classes, device=labels.device)[:, None, None]
    shares = F.adaptive_avg_pool2d((labels[:, None] == classes).float(), size)
    share, largest = shares.max(dim=1)
    return torch.where(share >= min_share, largest, IGNORE)

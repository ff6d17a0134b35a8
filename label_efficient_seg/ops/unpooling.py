"""The inverse of a max pooling that remembers where its maxima were."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def max_unpool(x: Tensor, switches: Tensor, size: Sequence[int]) -> Tensor:
    """Put each value where a 2x2 pooling found its maximum, and zeros elsewhere.

    Unlike PyTorch's ``max_unpool2d``, it exports to ONNX, as a scatter, and runs where only
    deterministic algorithms may.

    Args:
        x (Tensor): (N, C, h, w), any float dtype.
        switches (Tensor): Positions of the maxima in the pooled map, row * W + column, int64, same
            shape, as PyTorch's poolings give them; none occurs twice in a map.
        size (Sequence[int]): Height H and width W of the map that was pooled.

    Returns:
        Tensor: (N, C, H, W), dtype of ``x``. Its gradient is read at the switches.

    Raises:
        ValueError: If ``x`` and ``switches`` differ in shape.

    Source: Noh et al., Learning Deconvolution Network, ICCV 2015, section 3.2.1.
    """
    if x.shape != switches.shape:
        raise ValueError(
            f'each value needs one switch, but the values are {tuple(x.shape)} and the switches '
            f'{tuple(switches.shape)}; take those of the pooling that is to be undone'
        )
    # PyTorch's own function is faster, most with channels last.
    if not (torch.are_deterministic_algorithms_enabled() or torch.onnx.is_in_onnx_export()):
        return F.max_unpool2d(x, switches, 2, output_size=tuple(size))
    height, width = size
    empty = x.new_zeros(*x.shape[:2], height * width)
    return empty.scatter(2, switches.flatten(2), x.flatten(2)).view(*x.shape[:2], height, width)

"""Max pooling that remembers where its maxima were, and its inverse."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor


def max_pool_with_switches(x: Tensor, kernel_size: int = 2) -> tuple[Tensor, Tensor]:
    """Maxima of windows side by side, and the positions they were found at.

    Windows at the lower and right border are smaller where the size is no multiple of theirs, as
    Caffe has it, so each position belongs to one window.

    Args:
        x (Tensor): (N, C, H, W), any float dtype.
        kernel_size (int): Height, width and stride of the windows.

    Returns:
        tuple[Tensor, Tensor]: Maxima, (N, C, h, w), with h and w being H and W divided by
        ``kernel_size``, rounded up; and switches, int64, same shape: row * W + column of each
        maximum, the first one of a window if there are several.
    """
    return F.max_pool2d(x, kernel_size, ceil_mode=True, return_indices=True)


def max_unpool(x: Tensor, switches: Tensor, size: Sequence[int]) -> Tensor:
    """Put each value where the pooling found its maximum, and zeros elsewhere.

    Unlike PyTorch's ``max_unpool2d``, it exports to ONNX, as a scatter, and is deterministic on a
    GPU.

    Args:
        x (Tensor): (N, C, h, w), any dtype.
        switches (Tensor): Positions, int64, same shape; none occurs twice in a map.
        size (Sequence[int]): Height and width of the map that was pooled.

    Returns:
        Tensor: (N, C, *size), dtype of ``x``. Its gradient is read at the switches.

    Raises:
        ValueError: If ``x`` and ``switches`` differ in shape.

    Source: Noh et al., Learning Deconvolution Network, ICCV 2015, section 3.2.1.
    """
    if x.shape != switches.shape:
        raise ValueError(
            f'each value needs one switch, but the values are {tuple(x.shape)} and the switches '
            f'{tuple(switches.shape)}; take those of the pooling that is to be undone'
        )
    height, width = size
    empty = x.new_zeros(*x.shape[:2], height * width)
    return empty.scatter(2, switches.flatten(2), x.flatten(2)).view(*x.shape[:2], height, width)

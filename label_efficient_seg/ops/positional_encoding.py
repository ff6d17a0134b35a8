"""Where a pixel is, as sines and cosines."""

import torch
from torch import Tensor

from ..core.errors import UserError


def positional_encoding(
    channels: int,
    height: int,
    width: int,
    length: float | None = 512,
    device: torch.device | str | None = None,
) -> Tensor:
    """Two-dimensional positional encoding, relative to the size of the map or absolute.

    With ``d = channels / 2`` and ``w_k = 10000^(-2k / d)``, channels 2k and 2k + 1 are
    ``sin(x w_k)`` and ``cos(x w_k)``, and channels d + 2k and d + 2k + 1 the same of y, for k = 0
    to d / 2 - 1. In column j of W, ``x = (length - 1) j / (W - 1)``, so that maps of all sizes
    span the same positions; likewise y with the rows. The absolute variant has x = j.

    Args:
        channels (int): Number of channels, a multiple of 4.
        height (int): Rows of the map. A single row has y = 0.
        width (int): Columns of the map.
        length (float, optional): Reference length L of the relative encoding, 512 in the release.
            None for the absolute variant.
        device (torch.device | str, optional): Where the result lies.

    Returns:
        Tensor: float32, shape (channels, height, width), in [-1, 1].

    Raises:
        ValueError: If ``channels`` is no positive multiple of 4.

    Source: Cheng et al., SIGN, ICCV 2021.
    """
    if channels <= 0 or channels % 4:
        raise UserError(
            f'positional encoding needs a multiple of 4 channels, sine and cosine of two '
            f'coordinates, but got {channels}'
        )
    half = channels // 2
    # In float64: at a position of 500, the sine of a float32 is off by 3e-5.
    exponents = torch.arange(0, half, 2, dtype=torch.float64, device=device) / half
    frequencies = 10000**-exponents

    def waves(count: int) -> Tensor:
        """Sine and cosine by turns, (half, count)."""
        positions = torch.arange(count, dtype=torch.float64, device=device)
        if length is not None:
            positions *= (length - 1) / max(count - 1, 1)
        angles = frequencies[:, None] * positions
        return torch.stack([angles.sin(), angles.cos()], dim=1).flatten(0, 1).float()

    return torch.cat([
        waves(width)[:, None, :].expand(-1, height, -1),
        waves(height)[:, :, None].expand(-1, -1, width),
    ])  # fmt: skip

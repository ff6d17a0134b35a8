from typing import NamedTuple

from torch import Tensor


class LossPart(NamedTuple):
    """Class scores that a training step compares with the labels of an area."""

    share: float
    """Weight of their loss."""

    scores: Tensor
    """(N, C, h, w)."""

    area: tuple
    """Index of the area into maps of the image's size, (N, H, W)."""

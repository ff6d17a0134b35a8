"""The maps that SIGN's networks hand to each other, and functions of maps."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class EncodedPixels:
    """What the encoder leaves to the updates of G, D and C; all detached, at the map's size.

    Attributes:
        features (Tensor): X, (N, F, h, w).
        latent (Tensor): z, (N, F, h, w).
        labels (Tensor): Labels y, pseudo labels included, (N, h, w), int64.
        weight (Tensor): Weights of the pixels in all CE, (N, h, w).
        valid (Tensor): Boolean mask of the pixels with a label, (N, h, w).
        scaled (tuple[ScaledPixels, ...]): The same of the other scales, and their maximum.
    """

    features: Tensor
    latent: Tensor
    labels: Tensor
    weight: Tensor
    valid: Tensor
    scaled: tuple['ScaledPixels', ...] = ()


@dataclass(frozen=True)
class ScaledPixels:
    """X of images of another size, (N, F, h, w), with labels and weights, (N, h, w)."""

    features: Tensor
    labels: Tensor
    weight: Tensor


def maximum_of_maps(maps: Sequence[Tensor]) -> Tensor:
    """Maximum at each pixel of maps (N, F, h_i, w_i), at the size of the first."""
    size = maps[0].shape[2:]
    resized = [F.interpolate(m, size, mode='bilinear', align_corners=False) for m in maps[1:]]
    return torch.stack([maps[0], *resized]).amax(dim=0) if resized else maps[0]


def accuracy(scores: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
    """Percentage of the valid pixels; MMSeg's makes the host wait for the device."""
    correct = (scores.max(dim=1).indices == labels) & valid
    return 100 * correct.sum() / valid.sum().clamp(min=1)


def resized_labels(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Nearest neighbours of labels or a mask, (N, h, w)."""
    return F.interpolate(maps[:, None].float(), tuple(size), mode='nearest')[:, 0].to(maps.dtype)

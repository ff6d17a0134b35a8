"""Dropout that splits the channels of an image between two views of it."""

from collections.abc import Sequence

import torch
from torch import Tensor


def complementary_dropout(features: Sequence[Tensor]) -> list[Tensor]:
    """Multiply two views by channel masks m and 2 - m, where m is 0 or 2.

    Each channel is thus in exactly one of the two views, at double strength. Half of the images,
    rounded down and drawn at random, keep all channels in both views: m = 1. Levels with the same
    number of channels share the mask, as those of a vision transformer do.

    Args:
        features (Sequence[Tensor]): Levels of the encoder, each (2N, C, h, w): the first view of N
            images, then their second view.

    Returns:
        list[Tensor]: Same shapes. The sum of both views has the expectation of the sum without
        dropout; if the views are equal, it is exactly twice the view.

    Source: Yang et al., UniMatch V2, TPAMI 2025.
    """
    number, device = len(features[0]) // 2, features[0].device
    whole = torch.randperm(number, device=device) < number // 2
    masks: dict[int, Tensor] = {}
    for level in features:
        channels = level.shape[1]
        if channels not in masks:
            mask = 2 * (torch.rand((number, channels), device=device) < 0.5)
            mask = torch.where(whole[:, None], 1, mask)
            masks[channels] = torch.cat([mask, 2 - mask])[:, :, None, None]
    return [level * masks[level.shape[1]].to(level.dtype) for level in features]

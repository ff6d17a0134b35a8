"""Scores of two classes from heads that give one score per pixel."""

import torch
from torch import Tensor


def class_scores(logits: Tensor) -> Tensor:
    """One score per class, also of a binary head with ``out_channels=1``.

    Such a head gives the log odds z of the second class. The scores (0, z) have the same
    probabilities: their softmax is (1 - sigmoid(z), sigmoid(z)).

    Args:
        logits (Tensor): (N, C, ...), any float dtype.

    Returns:
        Tensor: ``logits`` themselves, or (N, 2, ...) if C is 1.
    """
    if logits.shape[1] > 1:
        return logits
    return torch.cat([torch.zeros_like(logits), logits], dim=1)

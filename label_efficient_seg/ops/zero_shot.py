"""Labels and scores of seen and unseen classes."""

from collections.abc import Sequence

import torch
from torch import Tensor


def hide_labels(labels: Tensor, shown: Sequence[int], ignore_index: int = 255) -> Tensor:
    """Replace all labels but those of some classes.

    Args:
        labels (Tensor): Class indices, any shape, int64.
        shown (Sequence[int]): The classes whose labels stay.
        ignore_index (int): What becomes of the others.

    Returns:
        Tensor: Same shape.
    """
    return labels.masked_fill(~torch.isin(labels, labels.new_tensor(shown)), ignore_index)


def calibrated_scores(scores: Tensor, seen: Sequence[int], bias: float) -> Tensor:
    """Calibrated stacking: lower the scores of the classes that have labels.

    Args:
        scores (Tensor): Class scores, (N, C, H, W).
        seen (Sequence[int]): Indices of the seen classes.
        bias (float): What is subtracted from their scores.

    Returns:
        Tensor: Same shape.

    Source: Chao et al., An Empirical Study and Analysis of Generalized Zero-Shot Learning for
    Object Recognition in the Wild, ECCV 2016.
    """
    shift = scores.new_zeros(scores.shape[1])
    shift[list(seen)] = bias
    return scores - shift[:, None, None]

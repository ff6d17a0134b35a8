"""How uncertain class scores are, pixel by pixel."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..core.errors import UserError


def self_information(logits: Tensor) -> Tensor:
    """Weighted self-information of softmax probabilities, -p log2 p / log2 C, for each class.

    Computed from the log-softmax in float32: the product of a small probability and its logarithm
    is NaN in half precision, and 0 log 0 needs no constant that shifts it.

    Args:
        logits (Tensor): Class scores, shape (N, C, H, W), any float dtype. A score may be -inf, for
            a class that is impossible, but not every score of a pixel; +inf gives NaN.

    Returns:
        Tensor: At least float32, shape (N, C, H, W). Each value lies in [0, 1 / (e ln C)], with the
        maximum at p = 1 / e; the sum over C is the entropy in [0, 1].

    Raises:
        ValueError: If there are fewer than two classes.

    Source: Vu et al., ADVENT, CVPR 2019.
    """
    num_classes = logits.shape[1]
    if num_classes < 2:
        raise UserError(
            f'entropy needs at least two classes, but the scores have {num_classes}, shape '
            f'{tuple(logits.shape)}'
        )
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    log_p = F.log_softmax(logits, dim=1)
    # The limit at p = 0 is 0: a finite factor keeps NaN from the product and from the gradient. No
    # p above 0 has a logarithm below -745, also in double precision.
    return log_p.exp() * log_p.clamp(min=-1000) * (-1 / math.log(num_classes))


def entropy_map(logits: Tensor) -> Tensor:
    """Entropy of softmax probabilities, as a fraction of that of a uniform distribution.

    Args:
        logits (Tensor): As for :func:`self_information`.

    Returns:
        Tensor: At least float32, shape (N, H, W), in [0, 1].

    Raises:
        ValueError: If there are fewer than two classes.
    """
    return self_information(logits).sum(dim=1)

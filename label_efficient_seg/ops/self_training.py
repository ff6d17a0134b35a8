"""Which pixels teach the model that labeled them, and what they weigh."""

from collections.abc import Sequence

import torch
from torch import Tensor


def pseudo_labels(
    scores: Tensor, labels: Tensor, pseudo: Tensor, classes: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Label pixels with the most probable of some classes.

    Args:
        scores (Tensor): Scores of all classes, (N, C, H, W), any float dtype.
        labels (Tensor): Class indices, (N, H, W), int64.
        pseudo (Tensor): Boolean mask of the pixels that get a pseudo label, (N, H, W).
        classes (Sequence[int]): The classes to choose from.

    Returns:
        tuple[Tensor, Tensor]: Labels with those of the mask replaced, (N, H, W), and in the mask
        the probability of the pseudo label among all classes, at least float32, same shape.
    """
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    confidence, choice = scores.softmax(dim=1)[:, list(classes)].max(dim=1)
    return torch.where(pseudo, labels.new_tensor(classes)[choice], labels), confidence


def annealed_weights(confidence: Tensor, pseudo: Tensor, temperature: float) -> Tensor:
    """Weights of the pixels in annealed self-training.

    A pixel i with a pseudo label weighs ``exp(T (p_i - max_j p_j))``, where j runs over the pixels
    with pseudo labels of the same image: the most confident one as much as ground truth.

    The released code keeps the confidence of the pixels with ground truth instead, by mistake, so
    that all pseudo labels weigh 1.

    Args:
        confidence (Tensor): Probability p of the pseudo label, (N, H, W), in [0, 1].
        pseudo (Tensor): Boolean mask of the pixels with pseudo labels, (N, H, W).
        temperature (float): T >= 0: 0 for equal weights; the higher, the fewer pixels count.

    Returns:
        Tensor: Same shape and dtype as ``confidence``: in (0, 1], and 1 outside the mask.

    Source: Cheng et al., SIGN, ICCV 2021.
    """
    highest = confidence.masked_fill(~pseudo, -1).amax(dim=(1, 2), keepdim=True)
    return (temperature * (confidence - highest)).exp().masked_fill(~pseudo, 1)


def highest_share(confidence: Tensor, valid: Tensor, share: float) -> Tensor:
    """The valid pixels with the highest confidence of a whole batch.

    Args:
        confidence (Tensor): Any shape, in [0, 1].
        valid (Tensor): Boolean mask of the pixels to choose from, same shape.
        share (float): Share of the valid pixels, in (0, 1], rounded up to a whole pixel.

    Returns:
        Tensor: Boolean mask, same shape. Pixels that tie with the last one are all in it.
    """
    ranked = confidence.masked_fill(~valid, -1).flatten().sort(descending=True).values
    last = (share * valid.sum()).ceil().long().clamp(min=1) - 1
    return valid & (confidence >= ranked.gather(0, last[None]))

from typing import Any

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.utils import SampleList
from torch import Tensor, nn


def head_losses(head: BaseDecodeHead, outputs: Any, data_samples: SampleList) -> dict[str, Tensor]:
    """The losses that a decode head computes from what it returned in training.

    Args:
        head (BaseDecodeHead): One with losses of its own computes them itself.
        outputs (Any): What it returned, for most heads class scores (N, C, h, w).
        data_samples (list[SegDataSample]): N samples with ground truth.

    Returns:
        dict[str, Tensor]: Losses by name, for example ``loss_ce``, and ``acc_seg``.
    """
    if type(head).loss_by_feat is BaseDecodeHead.loss_by_feat:
        return pixel_losses(head, outputs, data_samples)
    return head.loss_by_feat(outputs, data_samples)


def pixel_losses(
    head: BaseDecodeHead, scores: Tensor, data_samples: SampleList
) -> dict[str, Tensor]:
    """What ``BaseDecodeHead.loss_by_feat`` computes, without making the host wait for a GPU.

    MMSeg's accuracy gathers the labeled pixels, whose number the host has to know, and sorts the
    scores of each. Counting gives the same number.

    Args:
        head (BaseDecodeHead): With its ``loss_decode``, ``sampler``, ``ignore_index`` and
            ``align_corners``.
        scores (Tensor): Class scores, (N, C, h, w).
        data_samples (list[SegDataSample]): N samples with ground truth.

    Returns:
        dict[str, Tensor]: Losses by name, of which those of one name are summed, and ``acc_seg``,
        the share of right pixels in percent.
    """
    labels = head._stack_batch_gt(data_samples)
    scores = F.interpolate(
        scores, labels.shape[2:], mode='bilinear', align_corners=head.align_corners
    )
    weight = head.sampler.sample(scores, labels) if head.sampler is not None else None
    labels = labels.squeeze(1)
    several = isinstance(head.loss_decode, nn.ModuleList)
    losses: dict[str, Tensor] = {}
    for criterion in head.loss_decode if several else [head.loss_decode]:
        name = criterion.loss_name
        loss = criterion(scores, labels, weight=weight, ignore_index=head.ignore_index)
        losses[name] = losses[name] + loss if name in losses else loss
    labeled = labels != head.ignore_index
    right = (scores.max(dim=1).indices == labels) & labeled
    # As in MMSeg, nothing labeled counts as right.
    tiny = torch.finfo(torch.float32).eps
    losses['acc_seg'] = 100 * (right.sum() + tiny) / (labeled.sum() + tiny)
    return losses

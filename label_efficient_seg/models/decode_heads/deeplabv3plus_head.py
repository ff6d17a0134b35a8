from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class DeepLabV3PlusHead(BaseDecodeHead):
    """DeepLabv3+ with ordinary convolutions, as UniMatch uses it.

    MMSeg's ``DepthwiseSeparableASPPHead`` has depthwise separable ones, and joins the branches by
    a 3x3 convolution instead of 1x1.

    Args:
        in_channels (Sequence[int]): Channels of the low and of the high level of the backbone.
        in_index (Sequence[int]): Their indices among the backbone's outputs.
        channels (int): Channels of each branch and of the fused map.
        low_channels (int): Channels that the low level is reduced to.
        dilations (Sequence[int]): Dilations of the 3x3 branches; there are a 1x1 branch and the
            mean of the image, too.
        **kwargs: Further arguments of MMSeg's ``BaseDecodeHead``.

    Source: Chen et al., Encoder-Decoder with Atrous Separable Convolution, ECCV 2018; Yang et al.,
    UniMatch, CVPR 2023.
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (256, 2048),
        in_index: Sequence[int] = (0, 3),
        channels: int = 256,
        low_channels: int = 48,
        dilations: Sequence[int] = (6, 12, 18),
        **kwargs,
    ) -> None:
        super().__init__(
            in_channels=list(in_channels),
            in_index=list(in_index),
            input_transform='multiple_select',
            channels=channels,
            **kwargs,
        )
        low, high = in_channels
        block = partial(ConvModule, norm_cfg=self.norm_cfg, act_cfg=self.act_cfg)
        self.branches = nn.ModuleList([block(high, channels, 1)])
        for dilation in dilations:
            self.branches.append(block(high, channels, 3, padding=dilation, dilation=dilation))
        self.image_branch = block(high, channels, 1)
        self.join = block((2 + len(dilations)) * channels, channels, 1)
        self.reduce = block(low, low_channels, 1)
        self.fuse = nn.Sequential(
            block(low_channels + channels, channels, 3, padding=1),
            block(channels, channels, 3, padding=1),
        )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Classify each position.

        Args:
            inputs (Sequence[Tensor]): Feature maps of the backbone, each (N, C_i, H_i, W_i).

        Returns:
            Tensor: Class scores, (N, num_classes, H, W), at the size of the low level.
        """
        low, high = self._transform_inputs(inputs)
        image = self.image_branch(high.mean((2, 3), keepdim=True)).expand(-1, -1, *high.shape[2:])
        high = self.join(torch.cat([*(branch(high) for branch in self.branches), image], dim=1))
        high = F.interpolate(high, low.shape[2:], mode='bilinear', align_corners=self.align_corners)
        return self.cls_seg(self.fuse(torch.cat([self.reduce(low), high], dim=1)))

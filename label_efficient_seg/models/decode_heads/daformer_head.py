from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.decode_heads.sep_aspp_head import DepthwiseSeparableASPPModule
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class DAFormerHead(BaseDecodeHead):
    """Decoder of DAFormer: all levels at the size of the first, fused with context.

    Each position of each level is embedded by a linear layer. The levels, enlarged to the size of
    the first, are joined and pass through depthwise separable convolutions with several dilations,
    which a 3x3 convolution fuses.

    Args:
        in_channels (Sequence[int]): Channels of the levels.
        embed_dims (int): Channels of each embedded level.
        channels (int): Channels of each dilation, and of the fused map.
        dilations (Sequence[int]): 1 stands for a 1x1 convolution. Without any, a 1x1 convolution
            alone fuses the levels, as for the attention of HRDA.
        **kwargs: Further arguments of MMSeg's ``BaseDecodeHead``.

    Source: Hoyer et al., DAFormer, CVPR 2022, section 3.2.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        embed_dims: int = 256,
        channels: int = 256,
        dilations: Sequence[int] = (1, 6, 12, 18),
        **kwargs,
    ) -> None:
        kwargs.setdefault('in_index', list(range(len(in_channels))))
        super().__init__(
            in_channels=list(in_channels),
            input_transform='multiple_select',
            channels=channels,
            **kwargs,
        )
        self.embed_layers = nn.ModuleList(nn.Linear(c, embed_dims) for c in in_channels)
        width = len(in_channels) * embed_dims
        style = dict(norm_cfg=self.norm_cfg, act_cfg=self.act_cfg)
        if dilations:
            self.aspp_modules = DepthwiseSeparableASPPModule(
                dilations=dilations, in_channels=width, channels=channels, conv_cfg=None, **style
            )
            self.bottleneck = ConvModule(len(dilations) * channels, channels, 3, padding=1, **style)
        else:
            self.aspp_modules = None
            self.bottleneck = ConvModule(width, channels, 1, **style)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Classify each position.

        Args:
            inputs (Sequence[Tensor]): Feature maps of the backbone, each (N, C_i, H_i, W_i).

        Returns:
            Tensor: Class scores, (N, num_classes, H, W), at the size of the first level.
        """
        levels = self._transform_inputs(inputs)
        embedded = []
        for level, embed in zip(levels, self.embed_layers, strict=True):
            maps = embed(level.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            embedded.append(
                F.interpolate(
                    maps, levels[0].shape[2:], mode='bilinear', align_corners=self.align_corners
                )
            )
        joined = torch.cat(embedded, dim=1)
        if self.aspp_modules is not None:
            joined = torch.cat(self.aspp_modules(joined), dim=1)
        return self.cls_seg(self.bottleneck(joined))

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...core.errors import UserError

GROUP_WIDTH = 8


@MODELS.register_module()
class AffinityHead(BaseModule):
    """Features of several levels of a backbone, such that alike pixels have alike features.

    Each level goes through a 1x1 convolution, a norm if there is one, and ELU; their concatenation
    through one more 1x1 convolution of as many channels, and ELU.

    Args:
        in_channels (Sequence[int]): Channels of the levels: ``(512, 1024, 4096)`` for ResNet-38,
            ``(512, 512, 1024)`` for VGG-16.
        channels (Sequence[int]): Channels that each level is reduced to. These are the released
            code's; the paper has ``(128, 256, 512)``.
        norm_cfg (dict, optional): Norm of the levels. The released code has none for ResNet-38, and
            ``dict(type='GN')`` for VGG-16: group norm with eight channels a group.
        init_cfg (dict | list[dict], optional): Initialisation; the released code's when absent.

    Raises:
        ValueError: If ``in_channels`` and ``channels`` do not have the same length.

    Source: Ahn & Kwak, Learning Pixel-level Semantic Affinity, CVPR 2018.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        channels: Sequence[int] = (64, 128, 256),
        norm_cfg: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        fuse = dict(type='Xavier', name='fuse', gain=4, distribution='uniform')
        default = dict(type='Kaiming', layer='Conv2d', mode='fan_in', override=fuse)
        super().__init__(init_cfg or default)
        if len(in_channels) != len(channels):
            raise UserError(
                f'AffinityHead reduces each level to one of channels, but in_channels='
                f'{tuple(in_channels)} and channels={tuple(channels)} differ in length'
            )
        self.in_channels = tuple(in_channels)
        self.reduce = nn.ModuleList(
            nn.Conv2d(i, o, 1, bias=False) for i, o in zip(in_channels, channels, strict=True)
        )
        self.norms = nn.ModuleList(_norm(norm_cfg, width) for width in channels)
        self.fuse = nn.Conv2d(sum(channels), sum(channels), 1, bias=False)

    def forward(self, levels: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Features of the pixels of a grid.

        Args:
            levels (Sequence[Tensor]): Feature maps, each (N, C_i, H_i, W_i).
            size (tuple[int, int]): Height and width of the grid. Levels of another size are
                resized bilinearly.

        Returns:
            Tensor: (N, sum of ``channels``, h, w).

        Raises:
            ValueError: If there are more or fewer levels than ``in_channels`` has.
        """
        if len(levels) != len(self.reduce):
            raise UserError(
                f'the backbone gives {len(levels)} levels, but in_channels={self.in_channels} of '
                f'the AffinityHead has {len(self.reduce)}; set out_indices of the backbone'
            )
        reduced = []
        for level, conv, norm in zip(levels, self.reduce, self.norms, strict=True):
            features = F.elu(norm(conv(level)))
            if features.shape[2:] != size:
                features = F.interpolate(features, size, mode='bilinear', align_corners=False)
            reduced.append(features)
        return F.elu(self.fuse(torch.cat(reduced, dim=1)))


def _norm(norm_cfg: dict | None, width: int) -> nn.Module:
    if norm_cfg is None:
        return nn.Identity()
    if norm_cfg['type'] == 'GN':
        norm_cfg = dict(num_groups=max(1, width // GROUP_WIDTH), **norm_cfg)
    return build_norm_layer(norm_cfg, width)[1]

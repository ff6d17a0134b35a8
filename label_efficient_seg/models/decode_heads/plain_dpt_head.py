from collections.abc import Sequence

import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class PlainDPTHead(BaseDecodeHead):
    """DPT on the patches of a vision transformer alone, as Depth Anything and UniMatch V2 use it.

    Four levels of one size become maps at 4, 2, 1 and 1/2 times that size, and are fused from the
    smallest to the largest. Unlike MMSeg's ``DPTHead``, it takes no class token, its residual
    convolutions have a bias and no norm, and each level is enlarged to the very size of the next.

    Args:
        in_channels (int): Channels of each level.
        level_channels (Sequence[int]): Channels of the four levels after their projection.
        channels (int): Channels of the fused maps.
        **kwargs: Further arguments of MMSeg's ``BaseDecodeHead``.

    Source: Ranftl et al., Vision Transformers for Dense Prediction, ICCV 2021; Yang et al.,
    UniMatch V2, TPAMI 2025.
    """

    def __init__(
        self,
        in_channels: int,
        level_channels: Sequence[int] = (48, 96, 192, 384),
        channels: int = 64,
        align_corners: bool = True,
        **kwargs,
    ) -> None:
        super().__init__(
            in_channels=[in_channels] * 4,
            in_index=(0, 1, 2, 3),
            input_transform='multiple_select',
            channels=channels,
            align_corners=align_corners,
            **kwargs,
        )
        first, second, _, last = level_channels
        self.projects = nn.ModuleList(nn.Conv2d(in_channels, c, 1) for c in level_channels)
        self.resize_layers = nn.ModuleList(
            [
                nn.ConvTranspose2d(first, first, 4, stride=4),
                nn.ConvTranspose2d(second, second, 2, stride=2),
                nn.Identity(),
                nn.Conv2d(last, last, 3, stride=2, padding=1),
            ]
        )
        self.convs = nn.ModuleList(
            nn.Conv2d(c, channels, 3, padding=1, bias=False) for c in level_channels
        )
        # The smallest level, the last, has nothing to be added to.
        self.fusions = nn.ModuleList(_Fusion(channels, level < 3) for level in range(4))
        self.project = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Classify each position.

        Args:
            inputs (Sequence[Tensor]): Four levels, each (N, in_channels, h, w).

        Returns:
            Tensor: Class scores, (N, num_classes, 8 h, 8 w).
        """
        levels = []
        for index, level in enumerate(self._transform_inputs(inputs)):
            level = self.resize_layers[index](self.projects[index](level))
            levels.append(self.convs[index](level))
        sizes = [(2 * levels[0].shape[2], 2 * levels[0].shape[3])]
        sizes += [level.shape[2:] for level in levels[:-1]]
        fused = None
        for level, fusion, size in reversed(list(zip(levels, self.fusions, sizes, strict=True))):
            fused = fusion(level, fused, size)
        return self.cls_seg(self.project(fused).relu())


class _Fusion(nn.Module):
    """Adds a level to what comes from the smaller ones, and enlarges the sum."""

    def __init__(self, channels: int, has_smaller: bool) -> None:
        super().__init__()
        self.before = _Residual(channels) if has_smaller else None
        self.after = _Residual(channels)
        self.project = nn.Conv2d(channels, channels, 1)

    def forward(self, level: Tensor, smaller: Tensor | None, size: Sequence[int]) -> Tensor:
        fused = level if self.before is None else smaller + self.before(level)
        fused = self.after(fused)
        fused = F.interpolate(fused, tuple(size), mode='bilinear', align_corners=True)
        return self.project(fused)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.conv1(x.relu()).relu())

from collections.abc import Sequence
from typing import NamedTuple

from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ...core.errors import UserError


class Stage(NamedTuple):
    """Blocks of one kind; one width and one kernel size for each convolution of a block.

    Attributes:
        blocks (int): Number of blocks.
        widths (tuple[int, ...]): Output channels, as multiples of the first layer's.
        kernels (tuple[int, ...]): Kernel sizes.
        stride (int): Stride of the first block.
        dilation (int): Dilation of all but the very first convolution, which still reads its input
            as it did before the stride gave way to dilation.
        dropout (float): Rate at which channels are dropped within a block.
    """

    blocks: int
    widths: tuple[int, ...]
    kernels: tuple[int, ...] = (3, 3)
    stride: int = 1
    dilation: int = 1
    dropout: float = 0.0


STAGES = (
    Stage(3, (2, 2), stride=2),
    Stage(3, (4, 4), stride=2),
    Stage(6, (8, 8), stride=2),
    Stage(3, (8, 16), dilation=2),
    Stage(1, (8, 16, 32), (1, 3, 1), dilation=4, dropout=0.3),
    Stage(1, (16, 32, 64), (1, 3, 1), dilation=4, dropout=0.5),
)


class PreActivatedBlock(nn.Module):
    """Residual block whose convolutions each follow a norm and a ReLU.

    Args:
        in_channels (int): Channels of the input.
        channels (Sequence[int]): Output channels of each convolution.
        kernels (Sequence[int]): Kernel size of each convolution.
        dilations (Sequence[int]): Dilation of each convolution.
        stride (int): Stride of the first convolution.
        dropout (float): Rate at which channels are dropped before each convolution but the first.
        norm_cfg (dict): Config of the norms.
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        kernels: Sequence[int],
        dilations: Sequence[int],
        stride: int,
        dropout: float,
        norm_cfg: dict,
    ) -> None:
        super().__init__()
        inputs = (in_channels, *channels[:-1])
        strides = (stride, *[1] * (len(channels) - 1))
        self.norms = nn.ModuleList(build_norm_layer(norm_cfg, width)[1] for width in inputs)
        self.convs = nn.ModuleList(
            nn.Conv2d(i, o, k, s, padding=k // 2 * d, dilation=d, bias=False)
            for i, o, k, s, d in zip(inputs, channels, kernels, strides, dilations, strict=True)
        )
        self.dropout = nn.Dropout2d(dropout)
        self.shortcut = None
        if stride > 1 or in_channels != channels[-1]:
            self.shortcut = nn.Conv2d(in_channels, channels[-1], 1, stride, bias=False)

    def activate(self, x: Tensor) -> Tensor:
        """First norm and ReLU of the block."""
        return self.norms[0](x).relu()

    def forward(self, x: Tensor, activated: Tensor) -> Tensor:
        """Input of the block and what :meth:`activate` makes of it."""
        shortcut = x if self.shortcut is None else self.shortcut(activated)
        y = self.convs[0](activated)
        for norm, conv in zip(self.norms[1:], self.convs[1:], strict=True):
            y = conv(self.dropout(norm(y).relu()))
        return shortcut + y


@MODELS.register_module()
class ResNet38(BaseModule):
    """Wide ResNet of 38 layers at output stride 8, as AffinityNet uses it.

    Blocks normalise before they convolve. The feature map of a stage is therefore what the next
    one begins with, batch norm and ReLU of its sum. With the published 64 channels in the first
    layer, and names of AffinityNet's release:

        index     0      1      2      3      4      5
        name                    conv4  conv5         conv6
        channels  128    256    512    1024   2048   4096
        stride    2      4      8      8      8      8

    Args:
        base_channels (int): Channels of the first layer.
        out_indices (Sequence[int]): Stages whose feature maps are returned.
        frozen_stages (int): The first layer and this many stages are not trained; -1 trains all.
        norm_cfg (dict, optional): Defaults to batch norm without trainable affine parameters.
        norm_eval (bool): Whether batch norms keep their running statistics. To train without
            pretrained weights, set it to False, ``norm_cfg`` to ``dict(type='BN')`` and
            ``frozen_stages`` to -1.
        init_cfg (dict, optional): Initialisation; Kaiming's when absent.

    Raises:
        ValueError: If ``out_indices`` or ``frozen_stages`` name a stage that does not exist.

    Source: Wu et al., Wider or Deeper, Pattern Recognition 2019 (model A1); Ahn & Kwak, CVPR 2018.
    """

    def __init__(
        self,
        base_channels: int = 64,
        out_indices: Sequence[int] = (2, 3, 5),
        frozen_stages: int = 1,
        norm_cfg: dict | None = None,
        norm_eval: bool = True,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d'))
        if not set(out_indices) <= set(range(len(STAGES))) or frozen_stages > len(STAGES):
            raise UserError(
                f'ResNet38 has the stages 0 to {len(STAGES) - 1}, got out_indices '
                f'{tuple(out_indices)} and {frozen_stages} frozen_stages'
            )
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        norm_cfg = norm_cfg or dict(type='BN', requires_grad=False)
        self.conv1 = nn.Conv2d(3, base_channels, 3, padding=1, bias=False)
        self.stages = nn.ModuleList()
        channels, dilation = base_channels, 1
        for stage in STAGES:
            widths = [base_channels * width for width in stage.widths]
            blocks = nn.ModuleList()
            for index in range(stage.blocks):
                dilations = [stage.dilation] * len(widths)
                if index == 0:
                    dilations[0] = dilation
                blocks.append(
                    PreActivatedBlock(
                        channels,
                        widths,
                        stage.kernels,
                        dilations,
                        stage.stride if index == 0 else 1,
                        stage.dropout,
                        norm_cfg,
                    )
                )
                channels = widths[-1]
            dilation = stage.dilation
            self.stages.append(blocks)
        self.norm = build_norm_layer(norm_cfg, channels)[1]
        self._freeze()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Feature maps of the stages.

        Args:
            images (Tensor): (N, 3, H, W).

        Returns:
            tuple[Tensor, ...]: One map (N, C, h, w) for each of ``out_indices``, never negative; h
            and w are H and W divided by the stride, rounded up.
        """
        x = self.conv1(images)
        features = {}
        for index, blocks in enumerate(self.stages):
            for block in blocks:
                activated = block.activate(x)
                if block is blocks[0] and index - 1 in self.out_indices:
                    features[index - 1] = activated
                x = block(x, activated)
        features[len(STAGES) - 1] = self.norm(x).relu()
        return tuple(features[index] for index in self.out_indices)

    def train(self, mode: bool = True) -> 'ResNet38':
        super().train(mode)
        self._freeze()
        return self

    def _freeze(self) -> None:
        frozen = [self.conv1, *self.stages[: self.frozen_stages]] if self.frozen_stages >= 0 else []
        for module in frozen:
            module.eval()
            module.requires_grad_(False)
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()

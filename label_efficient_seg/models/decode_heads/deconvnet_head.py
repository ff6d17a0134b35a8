from collections.abc import Sequence

from mmcv.cnn import build_norm_layer
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor, nn
from torch.nn.functional import conv2d

from ...core.errors import UserError
from ...ops import max_unpool
from ..losses import pixel_losses

# Widths of the transposed convolutions after each unpooling, as multiples of the last one's.
DECODER_STAGES = ((8, 8, 8), (8, 8, 4), (4, 4, 2), (2, 1), (1, 1))


@MODELS.register_module()
class DeconvNetHead(BaseDecodeHead):
    """Mirror of ``DeconvNetVGG``: unpoolings with its switches, and transposed convolutions.

    A transposed convolution spreads fc7 over the map that fc6 saw. Then, five times, values go back
    to where the pooling found its maxima, and 3x3 transposed convolutions make the sparse map
    dense, each with batch norm and ReLU. Last is a 1x1 convolution, ``conv_seg``. Scores have the
    size of the image, whatever it is.

    Args:
        in_channels (int): Channels of fc7, 64 times ``channels``.
        num_classes (int): Number of classes.
        channels (int): Channels before the classes; the ``base_channels`` of the backbone.
        fc6_kernel_size (int): That of the backbone.
        norm_cfg (dict, optional): Defaults to batch norm.
        **kwargs: Further arguments of MMSeg's ``BaseDecodeHead``, except ``in_index``,
            ``input_transform`` and ``dropout_ratio``, as the network has no dropout.

    Source: Noh et al., Learning Deconvolution Network, ICCV 2015.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        channels: int = 64,
        fc6_kernel_size: int = 7,
        norm_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        init_cfg = [
            dict(type='Normal', layer=['ConvTranspose2d', 'Conv2d'], std=0.01),
            # As the released code has it.
            dict(type='Constant', layer='_BatchNorm', val=1, bias=0.001),
        ]
        kwargs.setdefault('init_cfg', init_cfg)
        super().__init__(
            in_channels=in_channels,
            channels=channels,
            num_classes=num_classes,
            norm_cfg=norm_cfg or dict(type='BN'),
            dropout_ratio=0,
            **kwargs,
        )
        width = DECODER_STAGES[0][0] * channels
        # Of a crop fc7 has one position, which a convolution would pad with far more zeros.
        fc6_deconv = nn.ConvTranspose2d(in_channels, width, fc6_kernel_size)
        self.fc6_deconv = nn.Sequential(fc6_deconv, *self._norm_and_relu(width))
        self.stages = nn.ModuleList()
        for multiples in DECODER_STAGES:
            stage = nn.Sequential()
            for multiple in multiples:
                deconv = Deconvolution(width, multiple * channels, 3, padding=1)
                width = multiple * channels
                stage.extend([deconv, *self._norm_and_relu(width)])
            self.stages.append(stage)

    def forward(self, inputs: Sequence[tuple[Tensor, tuple[int, int]] | Tensor]) -> Tensor:
        """Classify each pixel.

        Args:
            inputs (Sequence[tuple[Tensor, tuple[int, int]] | Tensor]): What ``DeconvNetVGG``
                gives: switches and size of the five poolings, and fc7.

        Returns:
            Tensor: Class scores, (N, num_classes, H, W), at the image's size.

        Raises:
            ValueError: If the inputs are those of another backbone, or of one of another width.
        """
        if len(inputs) != len(self.stages) + 1 or isinstance(inputs[0], Tensor):
            raise UserError(
                'DeconvNetHead unpools with the switches of five poolings, which the backbone does '
                'not give; use DeconvNetVGG'
            )
        *poolings, fc7 = inputs
        x = self.fc6_deconv(fc7)
        # What the backbone added to a map smaller than fc6's kernel.
        height, width = poolings[-1][0].shape[2:]
        x = x[..., :height, :width]
        for stage, (switches, size) in zip(self.stages, reversed(poolings), strict=True):
            if x.shape != switches.shape:
                raise UserError(
                    f'DeconvNetHead has {tuple(x.shape)} values to unpool, but the backbone gives '
                    f'{tuple(switches.shape)} switches; its channels must be the base_channels of '
                    'the backbone, and fc6_kernel_size that of the backbone'
                )
            x = stage(max_unpool(x, switches, size))
        return self.cls_seg(x)

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: SampleList) -> dict[str, Tensor]:
        """Losses of all pixels; arguments and returns are those of ``BaseDecodeHead``."""
        return pixel_losses(self, seg_logits, batch_data_samples)

    def _norm_and_relu(self, channels: int) -> list[nn.Module]:
        return [build_norm_layer(self.norm_cfg, channels)[1], nn.ReLU(inplace=True)]


class Deconvolution(nn.ConvTranspose2d):
    """Transposed convolution of stride 1, as the convolution with the mirrored kernel that it is.

    Faster on a CPU. The arguments, among them a padding smaller than the kernel, and the
    parameters are those of ``nn.ConvTranspose2d``.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H + k - 1 - 2 padding, ...)."""
        padding = [k - 1 - p for k, p in zip(self.kernel_size, self.padding, strict=True)]
        return conv2d(x, self.weight.transpose(0, 1).flip(2, 3), self.bias, padding=padding)

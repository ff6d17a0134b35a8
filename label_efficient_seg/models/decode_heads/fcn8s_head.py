from collections.abc import Sequence

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...core.errors import UserError

# Positions in `classifier` and kernel sizes of fc6 and fc7.
FULLY_CONVOLUTIONAL = {0: 7, 3: 1}


@MODELS.register_module()
class FCN8sHead(BaseDecodeHead):
    """FCN-8s: scores of fc7, of pool4 and of pool3, added from the coarse to the fine.

    ::

        s = conv_seg(fc7(fc6(pool5)))                   1x1 scores at stride 32
        s = score_pool4(pool4) + upsample_fc7(s)        stride 16
        s = score_pool3(pool3) + upsample_pool4(s)      stride 8

    Scores begin at zero. Upsamplings are transposed convolutions that begin as bilinear
    interpolation and learn; what exceeds the finer map, below and to the right, is cut off. The
    last one, by 8, is the segmentor's own bilinear resizing. It is exact where height and width
    are multiples of 8, which ``size_divisor=8`` of the data preprocessor sees to.

    ``classifier`` has the layers of torchvision's ``vgg16`` at their places, so its weights load by
    name: ``classifier.0`` is fc6, ``classifier.3`` is fc7. ``classifier.6`` has no place here.

    Departures: fc6 is padded to keep the size, where the paper pads the image by 100 pixels. All
    levels learn at once, where the paper begins without pool3 and pool4.

    Args:
        in_channels (Sequence[int]): Channels of pool3, pool4 and pool5.
        num_classes (int): Number of classes.
        channels (int): Channels of fc6 and fc7.
        in_index (Sequence[int]): Positions of pool3, pool4 and pool5 in the backbone's output.
        **kwargs: Further arguments of MMSeg's ``BaseDecodeHead``, except ``input_transform`` and
            ``dropout_ratio``, which is 0.5 after fc6 and after fc7.

    Source: Long et al., Fully Convolutional Networks, CVPR 2015.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        num_classes: int,
        channels: int = 4096,
        in_index: Sequence[int] = (0, 1, 2),
        **kwargs,
    ) -> None:
        kwargs.setdefault('init_cfg', dict(type='Kaiming', override=dict(name='classifier')))
        super().__init__(
            in_channels=in_channels,
            channels=channels,
            num_classes=num_classes,
            in_index=in_index,
            input_transform='multiple_select',
            dropout_ratio=0,
            **kwargs,
        )
        pool3, pool4, pool5 = self.in_channels
        self.classifier = nn.Sequential()
        for kernel_size in FULLY_CONVOLUTIONAL.values():
            conv = nn.Conv2d(pool5, channels, kernel_size, padding=kernel_size // 2)
            self.classifier.extend([conv, nn.ReLU(inplace=True), nn.Dropout(0.5)])
            pool5 = channels
        self.score_pool4 = nn.Conv2d(pool4, self.out_channels, 1)
        self.score_pool3 = nn.Conv2d(pool3, self.out_channels, 1)
        self.upsample_fc7 = _bilinear_upsampling(self.out_channels)
        self.upsample_pool4 = _bilinear_upsampling(self.out_channels)
        for score in (self.conv_seg, self.score_pool4, self.score_pool3):
            nn.init.zeros_(score.weight)
            nn.init.zeros_(score.bias)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Classify each position.

        Args:
            inputs (Sequence[Tensor]): Feature maps of the backbone, each (N, C_i, H_i, W_i). Each
                of the three has half the size of the one before, rounded up.

        Returns:
            Tensor: Class scores, (N, num_classes, H, W), at the size of pool3.

        Raises:
            ValueError: If the backbone rounds sizes down.
        """
        pool3, pool4, pool5 = self._transform_inputs(inputs)
        scores = self.cls_seg(self.classifier(pool5))
        scores = self.score_pool4(pool4) + _cut(self.upsample_fc7(scores), pool4)
        return self.score_pool3(pool3) + _cut(self.upsample_pool4(scores), pool3)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args) -> None:
        for position, size in FULLY_CONVOLUTIONAL.items():
            name = f'{prefix}classifier.{position}.weight'
            weight = state_dict.get(name)
            if weight is not None and weight.dim() == 2:
                # Channels of the map are flattened with their positions.
                state_dict[name] = weight.unflatten(1, (-1, size, size))
        super()._load_from_state_dict(state_dict, prefix, *args)


def _bilinear_upsampling(channels: int) -> nn.ConvTranspose2d:
    """Upsampling by 2 that begins as the bilinear one, each channel by itself."""
    layer = nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1, bias=False)
    side = torch.tensor([0.25, 0.75, 0.75, 0.25])
    nn.init.zeros_(layer.weight)
    with torch.no_grad():
        layer.weight.diagonal().copy_(torch.outer(side, side)[..., None])
    return layer


def _cut(scores: Tensor, finer: Tensor) -> Tensor:
    height, width = finer.shape[2:]
    if scores.shape[2] < height or scores.shape[3] < width:
        raise UserError(
            f'FCN8sHead has scores of {tuple(scores.shape[2:])} for a feature map of '
            f'{(height, width)}; the poolings of the backbone must halve sizes and round them up '
            '(ceil_mode=True)'
        )
    return scores[..., :height, :width]

from collections.abc import Sequence

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...core.errors import UserError


@MODELS.register_module()
class DeepLabV2Head(BaseDecodeHead):
    """The sum of parallel dilated 3x3 convolutions, straight to the classes.

    Args:
        in_channels (int): Channels of the feature map that ``in_index`` selects.
        num_classes (int): Number of classes.
        dilations (Sequence[int]): Dilation, equal to the padding, of each convolution. DeepLabv2
            sums four. The released AdvSemiSeg weights were trained with ``(6, 12)`` only, because
            that code returned from inside its loop over the branches.
        **kwargs: Further arguments of MMSeg's ``BaseDecodeHead``.

    Source: Chen et al., DeepLab, TPAMI 2018.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        dilations: Sequence[int] = (6, 12, 18, 24),
        **kwargs,
    ) -> None:
        if not dilations:
            raise UserError('DeepLabV2Head needs at least one dilation, got an empty sequence')
        kwargs.setdefault('init_cfg', dict(type='Normal', layer='Conv2d', std=0.01))
        super().__init__(
            in_channels=in_channels,
            channels=in_channels,
            num_classes=num_classes,
            dropout_ratio=0,
            **kwargs,
        )
        # The branches classify by themselves; an unused parameter would belong to no loss.
        self.conv_seg = None
        self.convs = nn.ModuleList(
            nn.Conv2d(self.in_channels, self.out_channels, 3, padding=d, dilation=d)
            for d in dilations
        )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Classify each position.

        Args:
            inputs (Sequence[Tensor]): Feature maps of the backbone, each (N, C_i, H_i, W_i).

        Returns:
            Tensor: Class scores, (N, num_classes, H, W), at the feature map's size.
        """
        features = self._transform_inputs(inputs)
        return sum(conv(features) for conv in self.convs)

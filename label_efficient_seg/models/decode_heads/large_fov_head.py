from collections.abc import Sequence

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class LargeFOVHead(BaseDecodeHead):
    """Two dilated 3x3 convolutions, the second to the classes.

    It is the head of AffinityNet's final segmentation network.

    Args:
        in_channels (int): Channels of the feature map that ``in_index`` selects.
        num_classes (int): Number of classes.
        channels (int): Channels in between.
        dilation (int): Dilation, equal to the padding, of both convolutions.
        **kwargs: Further arguments of MMSeg's ``BaseDecodeHead``. Dropout is before the second.

    Source: Ahn & Kwak, Learning Pixel-level Semantic Affinity, CVPR 2018; Chen et al., DeepLab,
    TPAMI 2018.
    """

    def __init__(
        self, in_channels: int, num_classes: int, channels: int = 512, dilation: int = 12, **kwargs
    ) -> None:
        init_cfg = [
            dict(type='Kaiming', layer='Conv2d'),
            dict(type='Normal', std=0.01, override=dict(name='conv_seg')),
        ]
        kwargs.setdefault('init_cfg', init_cfg)
        super().__init__(
            in_channels=in_channels, channels=channels, num_classes=num_classes, **kwargs
        )
        kernel = dict(kernel_size=3, padding=dilation, dilation=dilation)
        self.conv = nn.Conv2d(self.in_channels, channels, **kernel)
        self.conv_seg = nn.Conv2d(channels, self.out_channels, **kernel)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Classify each position.

        Args:
            inputs (Sequence[Tensor]): Feature maps of the backbone, each (N, C_i, H_i, W_i).

        Returns:
            Tensor: Class scores, (N, num_classes, H, W), at the feature map's size.
        """
        return self.cls_seg(self.conv(self._transform_inputs(inputs)).relu())

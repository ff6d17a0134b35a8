from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...core.errors import UserError

# Number of convolutions, their width as a multiple of the first layer's, their dilation, and the
# stride of the pooling before them.
STAGES = ((2, 1, 1, None), (2, 2, 1, 2), (3, 4, 1, 2), (3, 8, 1, 2), (3, 8, 2, 1))
FC_WIDTH = 16


@MODELS.register_module()
class DilatedVGG16(BaseModule):
    """VGG-16 at output stride 8 with convolutions for fc6 and fc7, as AffinityNet uses it.

    The network is DeepLab's: 3x3 poolings, of which the fourth has stride 1, a fifth stage dilated
    by 2, and an fc6 subsampled to 3x3. Like AffinityNet's released code, which defines DeepLab's
    fifth pooling but does not apply it, this class goes without. Layers have their published
    names, ``conv1_1`` to ``fc7``. With the published 64 channels in the first layer:

        index     0      1      2      3      4      5
        name      conv1  conv2  conv3  conv4  conv5  fc7
        channels  64     128    256    512    512    1024
        stride    1      2      4      8      8      8

    Args:
        base_channels (int): Channels of the first layer.
        fc6_dilation (int): 1 in AffinityNet's released classifier, 4 in its affinity network, 12 in
            DeepLab with a large field of view.
        out_indices (Sequence[int]): Levels whose feature maps are returned.
        frozen_stages (int): Number of first stages that are not trained.
        init_cfg (dict, optional): Initialisation; Kaiming's when absent.

    Raises:
        ValueError: If ``out_indices`` or ``frozen_stages`` name a stage that does not exist.

    Source: Chen et al., DeepLab, TPAMI 2018; Ahn & Kwak, CVPR 2018.
    """

    def __init__(
        self,
        base_channels: int = 64,
        fc6_dilation: int = 1,
        out_indices: Sequence[int] = (3, 4, 5),
        frozen_stages: int = 2,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d'))
        if not set(out_indices) <= set(range(6)) or not 0 <= frozen_stages <= 5:
            raise UserError(
                'DilatedVGG16 has the levels 0 to 5 and 0 to 5 frozen stages, got out_indices '
                f'{tuple(out_indices)} and {frozen_stages} frozen_stages'
            )
        self.out_indices = tuple(out_indices)
        channels = 3
        for stage, (count, width, dilation, _) in enumerate(STAGES, start=1):
            for index in range(1, count + 1):
                conv = nn.Conv2d(
                    channels, width * base_channels, 3, padding=dilation, dilation=dilation
                )
                conv.requires_grad_(stage > frozen_stages)
                self.add_module(f'conv{stage}_{index}', conv)
                channels = width * base_channels
        width = FC_WIDTH * base_channels
        self.fc6 = nn.Conv2d(channels, width, 3, padding=fc6_dilation, dilation=fc6_dilation)
        self.drop6 = nn.Dropout2d(0.5)
        self.fc7 = nn.Conv2d(width, width, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Feature maps of the levels, after their ReLU and before the pooling.

        Args:
            images (Tensor): (N, 3, H, W).

        Returns:
            tuple[Tensor, ...]: One map (N, C, h, w) for each of ``out_indices``, never negative; h
            and w are H and W divided by the stride, rounded up.
        """
        x = images
        features = {}
        for level, (count, _, _, pool_stride) in enumerate(STAGES):
            if pool_stride:
                x = F.max_pool2d(x, 3, pool_stride, padding=1)
            for index in range(1, count + 1):
                x = getattr(self, f'conv{level + 1}_{index}')(x).relu()
            if level in self.out_indices:
                features[level] = x
        if len(STAGES) in self.out_indices:
            features[len(STAGES)] = self.fc7(self.drop6(self.fc6(x).relu())).relu()
        return tuple(features[index] for index in self.out_indices)

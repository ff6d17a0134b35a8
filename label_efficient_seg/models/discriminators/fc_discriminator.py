from collections.abc import Sequence

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...core.errors import UserError


@MODELS.register_module()
class FCDiscriminator(BaseModule):
    """Fully convolutional discriminator: five 4x4 convolutions, no normalisation.

    Args:
        in_channels (int): Channels of the maps it judges, in AdvSemiSeg the number of classes.
        channels (int): Channels of the first convolution; the next have 2, 4 and 8 times as many.
        strides (Sequence[int]): Stride, 1 or 2, of each of the five convolutions. The paper's five
            times 2 leave one logit for 32x32 pixels; small crops need more, for example
            ``(2, 2, 2, 1, 1)``, the PatchGAN of Isola et al., CVPR 2017.
        negative_slope (float): Slope of the leaky ReLU after every convolution but the last.
        init_cfg (dict, optional): Initialisation; PyTorch's default when absent, as released.

    Raises:
        ValueError: If there are not five strides.

    Source: Hung et al., Adversarial Learning for Semi-Supervised Semantic Segmentation, BMVC 2018.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int = 64,
        strides: Sequence[int] = (2, 2, 2, 2, 2),
        negative_slope: float = 0.2,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if len(strides) != 5:
            raise UserError(f'FCDiscriminator has five convolutions, got the strides {strides}')
        widths = [in_channels, channels, channels * 2, channels * 4, channels * 8, 1]
        layers: list[nn.Module] = []
        for width, next_width, stride in zip(widths[:-1], widths[1:], strides, strict=True):
            layers += [
                nn.Conv2d(width, next_width, 4, stride=stride, padding=1),
                nn.LeakyReLU(negative_slope, inplace=True),
            ]
        self.layers = nn.Sequential(*layers[:-1])
        # Each 4x4 convolution with padding 1 needs s (n - 1) + 2 pixels for n outputs.
        self.min_size = 1
        for stride in reversed(strides):
            self.min_size = stride * (self.min_size - 1) + 2

    def forward(self, maps: Tensor) -> Tensor:
        """Judge every region.

        Args:
            maps (Tensor): (N, in_channels, H, W), for the paper's strides with H, W >= 32.

        Returns:
            Tensor: Logits, (N, 1, H // 32, W // 32) for the paper's strides; positive means real.

        Raises:
            ValueError: If the maps are too small.
        """
        if min(maps.shape[-2:]) < self.min_size:
            raise UserError(
                f'FCDiscriminator with these strides needs at least {self.min_size}x'
                f'{self.min_size} pixels, got {tuple(maps.shape[-2:])}; use a larger crop size'
            )
        return self.layers(maps)

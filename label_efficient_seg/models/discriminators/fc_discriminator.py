from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

MIN_SIZE = 32


@MODELS.register_module()
class FCDiscriminator(BaseModule):
    """Fully convolutional discriminator: five 4x4 stride-2 convolutions, no normalisation.

    Args:
        in_channels (int): Channels of the maps it judges, in AdvSemiSeg the number of classes.
        channels (int): Channels of the first convolution; the next have 2, 4 and 8 times as many.
        negative_slope (float): Slope of the leaky ReLU after every convolution but the last.
        init_cfg (dict, optional): Initialisation; PyTorch's default when absent, as released.

    Source: Hung et al., Adversarial Learning for Semi-Supervised Semantic Segmentation, BMVC 2018.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int = 64,
        negative_slope: float = 0.2,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        widths = [in_channels, channels, channels * 2, channels * 4, channels * 8]
        layers: list[nn.Module] = []
        for width, next_width in zip(widths[:-1], widths[1:], strict=True):
            layers += [
                nn.Conv2d(width, next_width, 4, stride=2, padding=1),
                nn.LeakyReLU(negative_slope, inplace=True),
            ]
        layers.append(nn.Conv2d(widths[-1], 1, 4, stride=2, padding=1))
        self.layers = nn.Sequential(*layers)

    def forward(self, maps: Tensor) -> Tensor:
        """Judge every 32x32 region.

        Args:
            maps (Tensor): (N, in_channels, H, W) with H, W >= 32.

        Returns:
            Tensor: Logits, (N, 1, H // 32, W // 32); positive means real.

        Raises:
            ValueError: If the maps are smaller than 32x32.
        """
        if min(maps.shape[-2:]) < MIN_SIZE:
            raise ValueError(
                f'FCDiscriminator halves its input five times and needs at least {MIN_SIZE}x'
                f'{MIN_SIZE} pixels, got {tuple(maps.shape[-2:])}; use a larger crop size'
            )
        return self.layers(maps)

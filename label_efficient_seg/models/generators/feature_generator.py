from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...core.errors import UserError

# As the release draws the weights of all its networks.
KAIMING = dict(type='Kaiming', layer='Conv2d', mode='fan_in')


@MODELS.register_module()
class FeatureGenerator(BaseModule):
    """Pixel features from the word vector of the class and a latent code, by 1x1 convolutions.

    Args:
        embedding_channels (int): Length of the word vectors.
        latent_channels (int): Channels of the latent code.
        out_channels (int): Channels of the features.
        hidden_channels (Sequence[int]): Channels of each hidden layer.
        dropout (Sequence[float]): Dropout ratio after each hidden layer.
        negative_slope (float): Slope of the leaky ReLU of the hidden layers.
        init_cfg (dict | list, optional): Initialisation; that of the release, Kaiming, when absent.
            ``[]`` keeps PyTorch's default, whose fakes hardly depend on noise and class.

    Raises:
        ValueError: If there is not one dropout ratio per hidden layer.

    Source: Gu et al., CaGNet, ACM MM 2020; Cheng et al., SIGN, ICCV 2021.
    """

    def __init__(
        self,
        embedding_channels: int,
        latent_channels: int,
        out_channels: int,
        hidden_channels: Sequence[int] = (1024, 960, 864, 784, 720),
        dropout: Sequence[float] = (0.1, 0.1, 0.3, 0.5, 0.5),
        negative_slope: float = 0.2,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(KAIMING if init_cfg is None else init_cfg)
        if len(dropout) != len(hidden_channels):
            raise UserError(
                f'FeatureGenerator has {len(hidden_channels)} hidden layers, but {len(dropout)} '
                'dropout ratios; give one for each'
            )
        layers: list[nn.Module] = []
        width = embedding_channels + latent_channels
        for next_width, ratio in zip(hidden_channels, dropout, strict=True):
            layers += [
                nn.Conv2d(width, next_width, 1),
                nn.LeakyReLU(negative_slope, inplace=True),
                nn.Dropout(ratio),
            ]
            width = next_width
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, out_channels, 1), nn.Sigmoid())

    def forward(self, embeddings: Tensor, latent: Tensor) -> Tensor:
        """Generate features.

        Args:
            embeddings (Tensor): Word vector of each pixel's class, (N, embedding_channels, H, W).
            latent (Tensor): Spatial code or noise, (N, latent_channels, H, W).

        Returns:
            Tensor: (N, out_channels, H, W), in (0, 1) as the features of
            :class:`SpatialInformationModule` are.
        """
        return self.layers(torch.cat([embeddings, latent], dim=1))

from typing import NamedTuple

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...core.errors import UserError
from ...ops import positional_encoding
from .feature_generator import KAIMING


class SpatialInformation(NamedTuple):
    """What :class:`SpatialInformationModule` finds; all of shape (N, F, H, W).

    Attributes:
        features (Tensor): X, in (0, 1).
        latent (Tensor): z, a sample in training and the mean in evaluation.
        mean (Tensor): Mean of z.
        log_variance (Tensor): Logarithm of its variance, >= 0.
    """

    features: Tensor
    latent: Tensor
    mean: Tensor
    log_variance: Tensor


class MultiScaleContext(nn.Module):
    """Three dilated convolutions in series, weighted at each pixel, and back to F channels.

    Args:
        in_channels (int): Channels of the input.
        channels (int): Channels of each convolution.
        out_channels (int): Channels of the output.
    """

    def __init__(self, in_channels: int, channels: int, out_channels: int) -> None:
        super().__init__()
        widths = (in_channels, channels, channels)
        self.convs = nn.ModuleList(
            _conv3x3(width, channels, dilation)
            for width, dilation in zip(widths, (1, 2, 5), strict=True)
        )
        self.scales = _conv3x3(3 * channels, 3)
        self.merge = nn.Conv2d(3 * channels, out_channels, 1, bias=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """Context of each pixel.

        Args:
            inputs (Tensor): (N, in_channels, H, W).

        Returns:
            Tensor: (N, out_channels, H, W), >= 0.
        """
        maps = []
        for conv in self.convs:
            inputs = conv(inputs).relu()
            maps.append(inputs)
        # As in the release, no weight is below sigmoid(0) = 1/2.
        weights = self.scales(torch.cat(maps, dim=1)).relu().sigmoid().split(1, dim=1)
        weighted = [map_ * weight for map_, weight in zip(maps, weights, strict=True)]
        return self.merge(torch.cat(weighted, dim=1)).relu()


@MODELS.register_module()
class SpatialInformationModule(BaseModule):
    """SIM of SIGN: features that know where they are, and a latent code of their surroundings.

    With h the encoder's features: ``h0 = h + context(cat(sigmoid(h), encoding))``, from
    ``context'(sigmoid(h0))`` mean and log variance of z, and ``X = sigmoid(h0 + h0 sigmoid(z))``.

    Args:
        channels (int): Channels F of the features; a multiple of 4 with an encoding.
        context_channels (int): Channels of the convolutions inside.
        encoding (str, optional): ``'relative'``, ``'absolute'``, or None for no positions.
        init_cfg (dict | list, optional): Initialisation; that of the release, Kaiming, when absent.
            ``[]`` keeps PyTorch's default.

    Raises:
        ValueError: If ``encoding`` is something else, or the channels do not fit it.

    Source: Cheng et al., SIGN, ICCV 2021.
    """

    LENGTHS = {'relative': 512, 'absolute': None}

    def __init__(
        self,
        channels: int,
        context_channels: int = 256,
        encoding: str | None = 'relative',
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(KAIMING if init_cfg is None else init_cfg)
        if encoding is not None and encoding not in self.LENGTHS:
            raise UserError(
                f'encoding {encoding!r} is unknown; choose one of {sorted(self.LENGTHS)} or None'
            )
        if encoding is not None:
            positional_encoding(channels, 1, 1)  # refuses channels that it cannot fill
        self.encoding = encoding
        in_channels = channels if encoding is None else 2 * channels
        self.positional = MultiScaleContext(in_channels, context_channels, channels)
        self.contextual = MultiScaleContext(channels, context_channels, channels)
        self.mean = _conv3x3(channels, channels)
        self.log_variance = _conv3x3(channels, channels)

    def forward(self, features: Tensor) -> SpatialInformation:
        """Refine features and draw the latent code.

        Args:
            features (Tensor): h, (N, F, H, W).

        Returns:
            SpatialInformation: Features, latent code, and the latter's distribution.
        """
        features = features + self.positional(self._with_positions(features.sigmoid()))
        context = self.contextual(features.sigmoid())
        mean, log_variance = self.mean(context), self.log_variance(context).relu()
        latent = mean
        if self.training:
            latent = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        refined = (features + features * latent.sigmoid()).sigmoid()
        return SpatialInformation(refined, latent, mean, log_variance)

    def _with_positions(self, features: Tensor) -> Tensor:
        if self.encoding is None:
            return features
        length = self.LENGTHS[self.encoding]
        channels, height, width = features.shape[1:]
        code = positional_encoding(channels, height, width, length, features.device)
        return torch.cat([features, code.to(features).expand_as(features)], dim=1)


def _conv3x3(in_channels: int, out_channels: int, dilation: int = 1) -> nn.Conv2d:
    """Keeps the size; without bias, as in the release."""
    return nn.Conv2d(in_channels, out_channels, 3, padding=dilation, dilation=dilation, bias=False)

from typing import NamedTuple

import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...core.errors import UserError

# Number of convolutions before each pooling, and their width as a multiple of the first layer's.
ENCODER_STAGES = ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8))
FC_MULTIPLE = 64
# Torchvision's fully connected layers and the convolutions they stand for.
FULLY_CONNECTED = {'classifier.0': 'fc6.0', 'classifier.3': 'fc7.0'}
TORCHVISION_FC6_SIZE = 7


class Pooling(NamedTuple):
    """What it takes to undo a pooling.

    Attributes:
        switches (Tensor): Positions of the maxima, row * width + column, int64, (N, C, h, w).
        size (tuple[int, int]): Height and width of the map that was pooled.
    """

    switches: Tensor
    size: tuple[int, int]


@MODELS.register_module()
class DeconvNetVGG(BaseModule):
    """VGG-16 with batch norm, convolutions for fc6 and fc7, and poolings that can be undone.

    Poolings round sizes up, as in Caffe, and keep the positions of their maxima for
    ``DeconvNetHead``. fc6 has no padding: of an image of 224 pixels it makes one position, over a
    larger one it slides. Where the fifth pooling leaves less than its kernel, zeros are added below
    and to the right.

    ``features`` is that of torchvision's ``vgg16_bn``, whose weights load by their names. The fully
    connected layers of such weights become fc6 and fc7: ``classifier.0`` is ``fc6.0``,
    ``classifier.3`` is ``fc7.0``; ``classifier.6`` has no place here, and the batch norms of fc6
    and fc7 keep their initial values. Those of ``vgg16``, without batch norm, load too, as do
    convolutions under Caffe's names, such as ``conv1_1``. Batch norms then keep their initial
    values: in a frozen stage each is the identity, but for the 1e-5. Torchvision's weights expect
    RGB images.

    Args:
        base_channels (int): Channels of the first layer; all others are multiples of it. 64 in
            the paper, which makes 4096 in fc6 and fc7.
        fc6_kernel_size (int): Kernel size of fc6; 7 in the paper.
        norm_cfg (dict, optional): Defaults to batch norm; it adds 1e-5 to the variance, the
            released code 1e-9.
        frozen_stages (int): Number of first stages, up to 5, that are not trained and whose batch
            norm keeps its statistics.
        init_cfg (dict | list[dict], optional): Initialisation; Kaiming's when absent.

    Raises:
        ValueError: If ``frozen_stages`` is not from 0 to 5.

    Source: Noh et al., Learning Deconvolution Network, ICCV 2015.
    """

    def __init__(
        self,
        base_channels: int = 64,
        fc6_kernel_size: int = 7,
        norm_cfg: dict | None = None,
        frozen_stages: int = 0,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d'))
        if not 0 <= frozen_stages <= len(ENCODER_STAGES):
            raise UserError(
                f'DeconvNetVGG has {len(ENCODER_STAGES)} stages, got {frozen_stages} frozen_stages'
            )
        self.frozen_stages = frozen_stages
        norm_cfg = norm_cfg or dict(type='BN')
        self.features = nn.Sequential()
        channels = 3
        for count, multiple in ENCODER_STAGES:
            for _ in range(count):
                width = multiple * base_channels
                self.features.extend(_convolution(channels, width, 3, 1, norm_cfg))
                channels = width
            self.features.append(nn.MaxPool2d(2, ceil_mode=True, return_indices=True))
        width = FC_MULTIPLE * base_channels
        self.fc6 = nn.Sequential(*_convolution(channels, width, fc6_kernel_size, 0, norm_cfg))
        self.fc7 = nn.Sequential(*_convolution(width, width, 1, 0, norm_cfg))
        self._freeze()

    def train(self, mode: bool = True) -> 'DeconvNetVGG':
        """Switch between training and evaluation; frozen stages stay in evaluation mode."""
        super().train(mode)
        self._freeze()
        return self

    def _freeze(self) -> None:
        left = self.frozen_stages
        for layer in self.features:
            if not left:
                return
            layer.eval().requires_grad_(False)
            left -= isinstance(layer, nn.MaxPool2d)

    def forward(self, images: Tensor) -> tuple[Pooling | Tensor, ...]:
        """Feature map of fc7, and what undoes the poolings.

        Args:
            images (Tensor): (N, 3, H, W).

        Returns:
            tuple[Pooling | Tensor, ...]: The five poolings, that of the largest map first. Then
            fc7, (N, 64 ``base_channels``, h, w), never negative; h and w are H and W divided by 32,
            rounded up, minus ``fc6_kernel_size`` plus 1, but at least 1. It is the last, which
            heads of MMSeg take by default.
        """
        x = images
        poolings = []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                height, width = x.shape[2:]
                x, switches = layer(x)
                poolings.append(Pooling(switches, (height, width)))
            else:
                x = layer(x)
        kernel = self.fc6[0].kernel_size
        below, right = (max(k - length, 0) for k, length in zip(kernel, x.shape[2:], strict=True))
        return *poolings, self.fc7(self.fc6(F.pad(x, (0, right, 0, below))))

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args) -> None:
        self.rename_weights(state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def rename_weights(self, state_dict: dict, prefix: str = '') -> None:
        """Give the weights of a VGG-16 the names and shapes that they have here, in place.

        Args:
            state_dict (dict): Weights by name.
            prefix (str): Of the names of this backbone.
        """
        self._place_plain_convolutions(state_dict, prefix)
        for linear, conv in FULLY_CONNECTED.items():
            weight = state_dict.pop(f'{prefix}{linear}.weight', None)
            if weight is not None:
                # Channels of the map are flattened with their positions.
                size = TORCHVISION_FC6_SIZE if conv == 'fc6.0' else 1
                weight = weight.unflatten(1, (-1, size, size))
                state_dict[f'{prefix}{conv}.weight'] = weight
                state_dict[f'{prefix}{conv}.bias'] = state_dict.pop(f'{prefix}{linear}.bias')

    def _place_plain_convolutions(self, state_dict: dict, prefix: str) -> None:
        """Rename the convolutions of a VGG-16 without batch norm, torchvision's or Caffe's."""
        # Here torchvision's `vgg16_bn` has a ReLU.
        numbered = f'{prefix}features.2.weight' in state_dict
        found = {}
        number, stage, index = 0, 1, 1
        for place, layer in enumerate(self.features):
            if isinstance(layer, nn.Conv2d):
                name = f'features.{number}' if numbered else f'conv{stage}_{index}'
                for kind in ('weight', 'bias'):
                    if f'{prefix}{name}.{kind}' in state_dict:
                        value = state_dict.pop(f'{prefix}{name}.{kind}')
                        found[f'{prefix}features.{place}.{kind}'] = value
                index += 1
            elif isinstance(layer, nn.MaxPool2d):
                stage, index = stage + 1, 1
            # The norm has no number.
            number += isinstance(layer, (nn.Conv2d, nn.ReLU, nn.MaxPool2d))
        state_dict.update(found)


def _convolution(
    in_channels: int, out_channels: int, kernel_size: int, padding: int, norm_cfg: dict
) -> list[nn.Module]:
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=padding)
    return [conv, build_norm_layer(norm_cfg, out_channels)[1], nn.ReLU(inplace=True)]

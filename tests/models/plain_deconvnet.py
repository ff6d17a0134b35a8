"""DeconvNet layer by layer, as its published description of the network has it."""

from collections.abc import Callable

import torch
from mmengine.config import ConfigDict
from mmseg.models import EncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor, nn

from tests.ops.test_unpooling import loop_pool, loop_unpool

# All layers with weights, in order: name, output channels, size at an input of 224.
LAYERS = [
    ('conv1_1', 64, 224), ('conv1_2', 64, 224),
    ('conv2_1', 128, 112), ('conv2_2', 128, 112),
    ('conv3_1', 256, 56), ('conv3_2', 256, 56), ('conv3_3', 256, 56),
    ('conv4_1', 512, 28), ('conv4_2', 512, 28), ('conv4_3', 512, 28),
    ('conv5_1', 512, 14), ('conv5_2', 512, 14), ('conv5_3', 512, 14),
    ('fc6', 4096, 1), ('fc7', 4096, 1), ('fc6-deconv', 512, 7),
    ('deconv5_1', 512, 14), ('deconv5_2', 512, 14), ('deconv5_3', 512, 14),
    ('deconv4_1', 512, 28), ('deconv4_2', 512, 28), ('deconv4_3', 256, 28),
    ('deconv3_1', 256, 56), ('deconv3_2', 256, 56), ('deconv3_3', 128, 56),
    ('deconv2_1', 128, 112), ('deconv2_2', 64, 112),
    ('deconv1_1', 64, 224), ('deconv1_2', 64, 224),
    ('seg-score-voc', 21, 224),
]  # fmt: skip


def scores_of(layer: Callable[[Tensor, str], Tensor], images: Tensor) -> Tensor:
    """Class scores. ``layer`` applies the convolution of a name, with its norm and ReLU."""
    x, pools = images, []
    for stage, count in enumerate((2, 2, 3, 3, 3), start=1):
        for index in range(1, count + 1):
            x = layer(x, f'conv{stage}_{index}')
        size = tuple(x.shape[2:])
        maxima, switches = loop_pool(x.numpy())
        x = torch.from_numpy(maxima)
        pools.append((stage, count, switches, size))
    x = layer(layer(layer(x, 'fc6'), 'fc7'), 'fc6-deconv')
    for stage, count, switches, size in pools[::-1]:
        x = torch.from_numpy(loop_unpool(x.numpy(), switches, size))
        for index in range(1, count + 1):
            x = layer(x, f'deconv{stage}_{index}')
    return layer(x, 'seg-score-voc')


def small(base: int = 2, kernel_size: int = 3, num_classes: int = 5, **kwargs) -> EncoderDecoder:
    """A narrow network, as if trained: random batch norms, with averages of some images."""
    same = dict(fc6_kernel_size=kernel_size)
    head = dict(type='DeconvNetHead', in_channels=64 * base, channels=base, **same)
    model = MODELS.build(
        ConfigDict(
            type='EncoderDecoder',
            backbone=dict(type='DeconvNetVGG', base_channels=base, **same),
            decode_head=dict(head, num_classes=num_classes),
            **kwargs,
        )
    )
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        # With more zeros, some 30 random layers would add up their rounding to more than 1e-4.
        nn.init.uniform_(norm.bias, 0, 1)
        norm.momentum = None  # the average of all batches
    nn.init.normal_(model.decode_head.conv_seg.weight, std=0.3)
    with torch.no_grad():
        model.train()(torch.randn(4, 3, 32 * kernel_size + 33, 32 * kernel_size + 40))
    return model.eval()

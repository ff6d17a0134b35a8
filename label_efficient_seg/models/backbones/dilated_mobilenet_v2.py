from mmseg.models.backbones import MobileNetV2
from mmseg.registry import MODELS
from torch import nn

from ...core.errors import UserError

STRIDES = (1, 2, 2, 2, 1, 2, 1)
STEM_STRIDE = 2


@MODELS.register_module()
class DilatedMobileNetV2(MobileNetV2):
    """MobileNetV2 at a smaller output stride that computes the features it was pretrained for.

    From the layer on whose stride is removed, every later depthwise convolution is dilated by that
    stride, so the output at every (32 / ``output_stride``)-th position is that of the network at
    stride 32. The ``dilations`` of MMSeg's own class reach only the first block of each layer,
    which gives other features than those of the pretrained weights.

    Args:
        output_stride (int): 8, 16 or 32.
        **kwargs: Further arguments of MMSeg's ``MobileNetV2``, except ``strides`` and
            ``dilations``.

    Raises:
        ValueError: If ``output_stride`` is another number.
    """

    def __init__(self, output_stride: int = 8, **kwargs) -> None:
        if output_stride not in (8, 16, 32):
            raise UserError(
                f'output_stride of DilatedMobileNetV2 must be 8, 16 or 32, got {output_stride}'
            )
        strides, removed, reached = [], [], STEM_STRIDE
        for stride in STRIDES:
            keep = reached * stride <= output_stride
            strides.append(stride if keep else 1)
            removed.append(1 if keep else stride)
            reached *= strides[-1]
        super().__init__(strides=strides, **kwargs)
        dilation = 1
        for name, stride in zip(self.layers, removed, strict=True):
            first, *others = getattr(self, name)
            # The block that lost its stride still reads its input as it was trained to.
            _dilate(first, dilation)
            dilation *= stride
            for block in others:
                _dilate(block, dilation)


def _dilate(block: nn.Module, dilation: int) -> None:
    for module in block.conv:
        if module.conv.kernel_size == (3, 3):
            module.conv.dilation = module.conv.padding = (dilation, dilation)

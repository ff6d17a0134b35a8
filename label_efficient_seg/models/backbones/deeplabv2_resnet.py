from mmseg.models.backbones import ResNet
from mmseg.registry import MODELS
from torch import nn


@MODELS.register_module()
class DeepLabV2ResNet(ResNet):
    """ResNet as DeepLabv2 uses it: output stride 8, frozen batch-norm affine parameters.

    It differs from MMSeg's ``ResNet`` in the max pooling, which rounds sizes up, and in its
    defaults: stride on the first 1x1 convolution (Caffe), no stride but dilation 2 and 4 in every
    block of the last two stages. Batch-norm scales and shifts are frozen, running statistics are
    updated. Parameter names are MMSeg's, so its Caffe-style checkpoints load.

    Args:
        depth (int): 18, 34, 50, 101 or 152.
        strides (tuple[int]): Stride of each stage.
        dilations (tuple[int]): Dilation of each stage.
        style (str): ``'caffe'`` or ``'pytorch'``, which convolution of a bottleneck has the stride.
        norm_cfg (dict, optional): Defaults to batch norm without trainable affine parameters.
        **kwargs: Further arguments of :class:`mmseg.models.backbones.ResNet`.

    Source: Chen et al., DeepLab, TPAMI 2018; Hung et al., BMVC 2018.
    """

    def __init__(
        self,
        depth: int = 101,
        strides: tuple[int, ...] = (1, 2, 1, 1),
        dilations: tuple[int, ...] = (1, 1, 2, 4),
        style: str = 'caffe',
        norm_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(
            depth=depth,
            strides=strides,
            dilations=dilations,
            style=style,
            norm_cfg=norm_cfg or dict(type='BN', requires_grad=False),
            **kwargs,
        )
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1, ceil_mode=True)

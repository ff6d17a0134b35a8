from .deconvnet_vgg import DeconvNetVGG
from .deeplabv2_resnet import DeepLabV2ResNet
from .dilated_mobilenet_v2 import DilatedMobileNetV2
from .dinov2 import DINOv2
from .hrda_backbone import HRDABackbone
from .resnet38 import ResNet38
from .vgg16_dilated import DilatedVGG16

__all__ = [
    'DINOv2',
    'DeconvNetVGG',
    'DeepLabV2ResNet',
    'DilatedMobileNetV2',
    'DilatedVGG16',
    'HRDABackbone',
    'ResNet38',
]

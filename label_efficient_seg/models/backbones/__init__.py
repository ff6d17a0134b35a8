from .deeplabv2_resnet import DeepLabV2ResNet
from .dilated_mobilenet_v2 import DilatedMobileNetV2

__all__ = ['DeepLabV2ResNet', 'DilatedMobileNetV2']

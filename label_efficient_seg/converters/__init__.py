from .affinitynet_checkpoints import convert_affinitynet, convert_affinitynet_file
from .conversion import Conversion
from .deconvnet_caffe import convert_deconvnet, convert_deconvnet_file, read_caffe_blobs
from .deeplabv2_checkpoints import convert_deeplabv2, convert_deeplabv2_file
from .imagenet_backbones import (
    convert_backbone_file,
    convert_caffe_vgg16,
    convert_mxnet_resnet38,
    convert_vgg16,
)
from .mxnet_params import read_mxnet_params
from .self_training_checkpoints import convert_self_training, convert_self_training_file
from .sign_checkpoints import convert_sign, convert_sign_file
from .torchvision_mobilenet_v2 import convert_mobilenet_v2, convert_mobilenet_v2_file
from .urban_labels import FORMATS, convert_labels, format_summary
from .weight_files import convert_weights

__all__ = [
    'FORMATS',
    'Conversion',
    'convert_affinitynet',
    'convert_affinitynet_file',
    'convert_backbone_file',
    'convert_caffe_vgg16',
    'convert_deconvnet',
    'convert_deconvnet_file',
    'convert_deeplabv2',
    'convert_deeplabv2_file',
    'convert_labels',
    'convert_mobilenet_v2',
    'convert_mobilenet_v2_file',
    'convert_mxnet_resnet38',
    'convert_self_training',
    'convert_self_training_file',
    'convert_sign',
    'convert_sign_file',
    'convert_vgg16',
    'convert_weights',
    'format_summary',
    'read_caffe_blobs',
    'read_mxnet_params',
]

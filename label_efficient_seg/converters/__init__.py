from .deeplabv2_checkpoints import convert_deeplabv2, convert_deeplabv2_file
from .torchvision_mobilenet_v2 import convert_file, convert_mobilenet_v2
from .urban_labels import FORMATS, convert_labels, format_summary

__all__ = [
    'FORMATS',
    'convert_deeplabv2',
    'convert_deeplabv2_file',
    'convert_file',
    'convert_labels',
    'convert_mobilenet_v2',
    'format_summary',
]

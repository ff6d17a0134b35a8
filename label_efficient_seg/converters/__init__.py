from .torchvision_mobilenet_v2 import convert_file, convert_mobilenet_v2

__all__ = ['convert_file', 'convert_mobilenet_v2']

from .loading import LoadCheckedAnnotations, LoadValidMask
from .scale import RandomScale

__all__ = ['LoadCheckedAnnotations', 'LoadValidMask', 'RandomScale']

from .affinity import AffinityTarget, LoadAffinityScores
from .loading import LoadCheckedAnnotations, LoadValidMask
from .scale import RandomScale

__all__ = [
    'AffinityTarget',
    'LoadAffinityScores',
    'LoadCheckedAnnotations',
    'LoadValidMask',
    'RandomScale',
]

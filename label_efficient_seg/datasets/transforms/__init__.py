from .affinity import AffinityTarget, LoadAffinityScores
from .loading import LoadCheckedAnnotations, LoadValidMask
from .proposals import LoadProposals
from .scale import RandomScale

__all__ = [
    'AffinityTarget',
    'LoadAffinityScores',
    'LoadCheckedAnnotations',
    'LoadProposals',
    'LoadValidMask',
    'RandomScale',
]

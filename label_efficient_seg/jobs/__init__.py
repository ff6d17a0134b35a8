from .affinity_scores import AffinityScores
from .cams import CAMInference
from .proposals import ProposalMaking
from .pseudo_masks import PseudoMasks
from .ranking import EntropyRanking

__all__ = [
    'AffinityScores',
    'CAMInference',
    'EntropyRanking',
    'ProposalMaking',
    'PseudoMasks',
]

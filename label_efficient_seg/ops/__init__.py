from .affinity import (
    PairLabels,
    affinity_labels,
    confident_labels,
    neighbour_offsets,
    pairwise_affinities,
    valid_pairs,
)
from .cam import normalize_cams, with_background
from .dense_crf import dense_crf
from .entropy import entropy_map, self_information
from .positional_encoding import positional_encoding
from .random_walk import random_walk
from .unpooling import max_pool_with_switches, max_unpool

__all__ = [
    'PairLabels',
    'affinity_labels',
    'confident_labels',
    'dense_crf',
    'entropy_map',
    'max_pool_with_switches',
    'max_unpool',
    'neighbour_offsets',
    'normalize_cams',
    'pairwise_affinities',
    'positional_encoding',
    'random_walk',
    'self_information',
    'valid_pairs',
    'with_background',
]

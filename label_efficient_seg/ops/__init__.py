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
from .random_walk import random_walk

__all__ = [
    'PairLabels',
    'affinity_labels',
    'confident_labels',
    'dense_crf',
    'entropy_map',
    'neighbour_offsets',
    'normalize_cams',
    'pairwise_affinities',
    'random_walk',
    'self_information',
    'valid_pairs',
    'with_background',
]

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
from .proposal_aggregation import as_boxes, crop_boxes, paste_scores, prepare_boxes
from .random_walk import random_walk
from .self_training import annealed_weights, pseudo_labels
from .unpooling import max_unpool
from .zero_shot import calibrated_scores, hide_labels

__all__ = [
    'PairLabels',
    'affinity_labels',
    'annealed_weights',
    'as_boxes',
    'calibrated_scores',
    'confident_labels',
    'crop_boxes',
    'dense_crf',
    'entropy_map',
    'hide_labels',
    'max_unpool',
    'neighbour_offsets',
    'normalize_cams',
    'pairwise_affinities',
    'paste_scores',
    'positional_encoding',
    'prepare_boxes',
    'pseudo_labels',
    'random_walk',
    'self_information',
    'valid_pairs',
    'with_background',
]

from .affinity import (
    PairLabels,
    affinity_labels,
    confident_labels,
    neighbour_offsets,
    pairwise_affinities,
    valid_pairs,
)
from .block_labels import block_labels
from .block_masks import block_masks
from .cam import normalize_cams, with_background
from .class_scores import class_scores
from .complementary_dropout import complementary_dropout
from .dense_crf import dense_crf
from .entropy import entropy_map, self_information
from .mixing import box_masks, class_masks, mix
from .pixel_adaptive_refinement import pixel_adaptive_refinement
from .positional_encoding import positional_encoding
from .proposal_aggregation import as_boxes, crop_boxes, paste_scores, prepare_boxes
from .random_walk import random_walk
from .score_refinement import refine_by_image
from .segment_merge import merge_segments
from .self_training import annealed_weights, highest_share, pseudo_labels
from .strong_augmentation import (
    gaussian_blur,
    jitter_colors,
    shift_hue,
    strong_augmentation,
)
from .unpooling import max_unpool
from .windows import image_windows
from .zero_shot import calibrated_scores, hide_labels

__all__ = [
    'PairLabels',
    'affinity_labels',
    'annealed_weights',
    'as_boxes',
    'block_labels',
    'block_masks',
    'box_masks',
    'calibrated_scores',
    'class_masks',
    'class_scores',
    'complementary_dropout',
    'confident_labels',
    'crop_boxes',
    'dense_crf',
    'entropy_map',
    'gaussian_blur',
    'hide_labels',
    'highest_share',
    'jitter_colors',
    'max_unpool',
    'merge_segments',
    'mix',
    'image_windows',
    'neighbour_offsets',
    'normalize_cams',
    'pairwise_affinities',
    'paste_scores',
    'pixel_adaptive_refinement',
    'positional_encoding',
    'prepare_boxes',
    'pseudo_labels',
    'random_walk',
    'refine_by_image',
    'self_information',
    'shift_hue',
    'strong_augmentation',
    'valid_pairs',
    'with_background',
]

from .cam_panels import CAMRow, make_cam_panel, plot_thresholds
from .colors import (
    IGNORE_COLOR,
    UNSELECTED_COLOR,
    colorize,
    default_palette,
    heatmap,
    keep_selected,
    overlay,
)
from .curves import CURVE_GROUPS, CurveGroup, groups_with_data, mean_and_range, plot_curves
from .deconvnet_panels import make_activation_panel, make_aggregation_panel
from .output import encode_png, save_image
from .panels import LegendEntry, Tile, class_legend, make_grid, make_panel, resize_to, scale_legend
from .proposal_panels import make_proposal_panel, plot_recall
from .ranking_panels import RankedImage, make_ranking_panel, plot_split_histogram
from .segmentation_panels import make_segmentation_panel
from .self_training_panels import Lesson, make_self_training_panel
from .zero_shot_panels import make_zero_shot_panel, plot_features

__all__ = [
    'CAMRow',
    'CURVE_GROUPS',
    'CurveGroup',
    'IGNORE_COLOR',
    'LegendEntry',
    'Lesson',
    'RankedImage',
    'Tile',
    'UNSELECTED_COLOR',
    'class_legend',
    'colorize',
    'default_palette',
    'encode_png',
    'groups_with_data',
    'heatmap',
    'keep_selected',
    'make_activation_panel',
    'make_aggregation_panel',
    'make_cam_panel',
    'make_grid',
    'make_panel',
    'make_proposal_panel',
    'make_ranking_panel',
    'make_segmentation_panel',
    'make_self_training_panel',
    'make_zero_shot_panel',
    'mean_and_range',
    'overlay',
    'plot_curves',
    'plot_features',
    'plot_recall',
    'plot_split_histogram',
    'plot_thresholds',
    'resize_to',
    'save_image',
    'scale_legend',
]

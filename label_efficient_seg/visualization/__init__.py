"""Panels, curves, reports and progress: what a run shows to people."""

from .cam_panel import CAMRow, make_cam_panel, plot_thresholds
from .colors import (
    IGNORE_COLOR,
    UNSELECTED_COLOR,
    colorize,
    default_palette,
    heatmap,
    keep_selected,
    overlay,
)
from .curves import CURVE_GROUPS, CurveGroup, mean_and_range, plot_curves
from .deconvnet_panels import make_activation_panel, make_aggregation_panel
from .output import encode_png, save_image
from .panels import (
    LegendEntry,
    Tile,
    class_legend,
    make_grid,
    make_panel,
    resize_to,
    scale_legend,
)
from .progress import Progress, format_seconds, track
from .proposal_figures import make_proposal_panel, plot_recall
from .ranking_figures import RankedImage, make_ranking_panel, plot_split_histogram
from .report import Report, embed_image
from .run_report import build_run_report, group_runs, latest_panels
from .scalar_logs import Series, read_scalars, read_test_metrics
from .segmentation_panel import make_segmentation_panel
from .zero_shot_panel import make_zero_shot_panel, plot_features

__all__ = [
    'CURVE_GROUPS',
    'IGNORE_COLOR',
    'UNSELECTED_COLOR',
    'CAMRow',
    'CurveGroup',
    'LegendEntry',
    'Progress',
    'RankedImage',
    'Report',
    'Series',
    'Tile',
    'build_run_report',
    'class_legend',
    'colorize',
    'default_palette',
    'embed_image',
    'encode_png',
    'format_seconds',
    'group_runs',
    'heatmap',
    'keep_selected',
    'latest_panels',
    'make_activation_panel',
    'make_aggregation_panel',
    'make_cam_panel',
    'make_grid',
    'make_panel',
    'make_proposal_panel',
    'make_ranking_panel',
    'make_segmentation_panel',
    'make_zero_shot_panel',
    'mean_and_range',
    'overlay',
    'plot_curves',
    'plot_features',
    'plot_recall',
    'plot_split_histogram',
    'plot_thresholds',
    'read_scalars',
    'read_test_metrics',
    'resize_to',
    'save_image',
    'scale_legend',
    'track',
]

from .cam_refinement_hook import CAMRefinementHook
from .channels_last_hook import ChannelsLastHook
from .checkpoint_match_hook import CheckpointMatchHook
from .class_count_hook import ClassCountHook
from .first_look_hook import FirstLookHook
from .invalid_loss_hook import InvalidLossHook
from .main_process_logger_hook import MainProcessLoggerHook
from .metric_match_hook import MetricMatchHook
from .panel_hook import PanelHook
from .precise_bn_hook import PreciseBNHook
from .safe_checkpoint_hook import SafeCheckpointHook

__all__ = [
    'CAMRefinementHook',
    'ChannelsLastHook',
    'CheckpointMatchHook',
    'ClassCountHook',
    'FirstLookHook',
    'InvalidLossHook',
    'MainProcessLoggerHook',
    'MetricMatchHook',
    'PanelHook',
    'PreciseBNHook',
    'SafeCheckpointHook',
]

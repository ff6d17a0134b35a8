from .checkpoint_match_hook import CheckpointMatchHook
from .invalid_loss_hook import InvalidLossHook
from .panel_hook import PanelHook
from .safe_checkpoint_hook import SafeCheckpointHook

__all__ = ['CheckpointMatchHook', 'InvalidLossHook', 'PanelHook', 'SafeCheckpointHook']

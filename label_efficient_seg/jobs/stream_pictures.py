"""What pictures of training streams share."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from mmengine.config import Config
from torch import Tensor, nn

from ..core.errors import UserError


def stream_loaders(cfg: Config) -> dict[str, dict]:
    """Configs of the dataloaders of the training streams.

    They have no workers: a few images do not repay their start.

    Raises:
        UserError: If the config trains nothing.
    """
    if not cfg.get('train_dataloader'):
        raise UserError(f"config '{cfg.filename}' trains nothing: it has no train_dataloader")
    given = cfg.train_dataloader
    loaders = dict(train=given) if 'dataset' in given else given
    return {
        name: dict(loader, num_workers=0, persistent_workers=False, prefetch_factor=None)
        for name, loader in loaders.items()
    }


def as_photos(inputs: Tensor, preprocessor: nn.Module, settings: Mapping[str, Any]) -> np.ndarray:
    """RGB images, (N, H, W, 3), uint8, of what a data preprocessor has normalised.

    Args:
        inputs (Tensor): (N, 3, H, W).
        preprocessor (nn.Module): The data preprocessor.
        settings (Mapping): Its config.
    """
    # As MMSegmentation and MMPretrain call it; both load images as BGR.
    rgb = settings.get('bgr_to_rgb') or settings.get('to_rgb')
    if hasattr(preprocessor, 'mean'):
        inputs = inputs * preprocessor.std + preprocessor.mean
    inputs = inputs if rgb else inputs.flip(1)
    return inputs.clamp(0, 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()

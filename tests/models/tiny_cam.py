"""A small classifier of image-level labels, and the CAM segmentor of the same weights."""

import torch
from mmengine.config import ConfigDict
from mmseg.registry import MODELS

PREPROCESSOR = dict(
    type='mmseg.SegDataPreProcessor',
    mean=[127.5] * 3,
    std=[64.0] * 3,
    size_divisor=1,
    pad_val=0,
    seg_pad_val=255,
)


def backbone_cfg() -> dict:
    return dict(
        type='DeepLabV2ResNet',
        depth=18,
        base_channels=4,
        stem_channels=4,
        style='pytorch',
        norm_cfg=dict(type='BN', requires_grad=True),
        out_indices=(3,),
    )


def classifier_cfg(
    backbone: dict | None = None, in_channels: int = 32, num_classes: int = 6, **kwargs
) -> ConfigDict:
    """mmpretrain's classifier; keywords are further arguments of it."""
    return ConfigDict(
        type='mmpretrain.ImageClassifier',
        data_preprocessor=dict(PREPROCESSOR),
        backbone=backbone or backbone_cfg(),
        head=dict(type='mmseg.CAMClsHead', in_channels=in_channels, num_classes=num_classes),
        **kwargs,
    )


def build_segmentor(num_classes: int = 6, **kwargs) -> torch.nn.Module:
    """CAM segmentor in evaluation mode, with random weights that give lively maps."""
    cfg = classifier_cfg(num_classes=num_classes)
    cfg.update(type='CAMSegmentor', **kwargs)
    model = MODELS.build(cfg)
    model.init_weights()
    torch.nn.init.normal_(model.head.classifier.weight)
    return model.eval()

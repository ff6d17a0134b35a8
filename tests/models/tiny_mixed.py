"""A small MixedSelfTraining model, its optimizer, and batches of two domains."""

import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from . import tiny
from .tiny_views import SIZE, build_optimizers, unlabeled_batch

__all__ = ['METHODS', 'SIZE', 'batches', 'build_model', 'build_optimizers']

FEATURES = dict(lambda_feature=0.3, feature_classes=(1, 2))
MASKS = dict(mask_ratio=0.6, mask_block=8)
METHODS = dict(
    dacs=dict(),
    daformer=FEATURES,
    mic=dict(**FEATURES, **MASKS),
    mic_between_real_images=dict(**MASKS, mask_source=True),
    few_target_labels=dict(labeled_target=True),
    clean_statistics=dict(**MASKS, clean_statistics=True),
)


def build_model(method: str, **kwargs) -> torch.nn.Module:
    """Model with random weights; batch norm learns its statistics."""
    init_default_scope('mmseg')
    arguments = dict(confidence_threshold=0.9, teacher_momentum=0.7, **METHODS[method])
    cfg: ConfigDict = tiny.model_cfg(type='MixedSelfTraining', **dict(arguments, **kwargs))
    for name in ('discriminator', 'semi_start'):
        cfg.pop(name)
    cfg.backbone.norm_eval = False
    cfg.data_preprocessor.update(type='StrongViewsPreProcessor', bgr_to_rgb=True, views=0)
    model = MODELS.build(cfg)
    model.init_weights()
    for conv in model.decode_head.convs:
        torch.nn.init.normal_(conv.weight, std=0.2)
    return model.train()


def batches(seed: int = 0, number: int = 3, streams: tuple[str, ...] = ()) -> dict:
    """Blocks of labels, so that features have pure ones; some target pixels are padding."""
    source = tiny.batch(SIZE, number, seed, True)
    generator = torch.Generator().manual_seed(seed)
    for sample in source['data_samples']:
        labels = torch.randint(0, 3, (1, 2, 2), generator=generator)
        blocks = labels.repeat_interleave(20, 1).repeat_interleave(24, 2)
        void = torch.rand(blocks.shape, generator=generator) < 0.1
        sample.gt_sem_seg.data = blocks.masked_fill(void, 255)
    found = dict(source=source, target=unlabeled_batch(number, seed + 1))
    if 'labeled_target' in streams:
        found['labeled_target'] = tiny.batch((33, 30), 2, seed + 2, True)
    return found

"""A small WeakToStrong model, its optimizer, and batches with strong views."""

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.optim import OptimWrapperDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from label_efficient_seg.datasets.transforms import PackStrongViews
from label_efficient_seg.engine.optimizers import MultiOptimWrapperConstructor

from . import tiny

SIZE = (40, 48)
OPTIONS = dict(
    fixmatch=dict(),
    unimatch=dict(feature_dropout=0.5, lambda_strong=0.5),
    unimatch_v2=dict(teacher_momentum=0.7, complementary=True),
)


def build_model(method: str, **kwargs) -> torch.nn.Module:
    """Model with random weights; batch norm learns its statistics, unlike in ``tiny``."""
    init_default_scope('mmseg')
    cfg = tiny.model_cfg(type='WeakToStrong', **dict(OPTIONS[method], **kwargs))
    for name in ('discriminator', 'semi_start'):
        cfg.pop(name)
    cfg.backbone.norm_eval = False
    cfg.data_preprocessor.update(
        type='StrongViewsPreProcessor', bgr_to_rgb=True, views=1 if method == 'fixmatch' else 2
    )
    cfg.setdefault('confidence_threshold', 0.5)
    model = MODELS.build(cfg)
    model.init_weights()
    for conv in model.decode_head.convs:
        torch.nn.init.normal_(conv.weight, std=0.3)
    return model.train()


def build_optimizers(model: torch.nn.Module, **segmentor) -> OptimWrapperDict:
    """SGD with momentum."""
    optimizer = dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-4)
    cfg = ConfigDict(segmentor=dict(optimizer=optimizer, **segmentor))
    return MultiOptimWrapperConstructor(cfg)(model)


def unlabeled_batch(number: int, seed: int, size: tuple[int, int] = SIZE) -> dict:
    """A batch as a dataloader yields it; the last rows of the images are padding."""
    random = np.random.RandomState(seed)
    np.random.seed(seed)
    pack = PackStrongViews(cutmix_prob=0.8)
    packed = []
    for index in range(number):
        mask = np.zeros(size, np.uint8)
        mask[size[0] - 3 * index :] = 255
        image = random.randint(0, 256, (*size, 3)).astype(np.uint8)
        packed.append(pack(dict(img=image, gt_seg_map=mask, img_shape=size)))
    return {key: [sample[key] for sample in packed] for key in ('inputs', 'data_samples')}


def batches(seed: int = 0, number: int = 4) -> dict:
    """Labeled and unlabeled batches of one size."""
    return dict(
        labeled=tiny.batch(SIZE, 2, seed, True), unlabeled=unlabeled_batch(number, seed + 1)
    )

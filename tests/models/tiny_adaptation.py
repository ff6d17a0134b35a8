"""A small model with two heads for domain adaptation, and batches with void and padded pixels."""

import copy

import torch
from mmengine.config import ConfigDict
from mmengine.optim import OptimWrapperDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from label_efficient_seg.engine.optimizers import MultiOptimWrapperConstructor

from . import tiny

DISCRIMINATOR = dict(
    type='SegDiscriminator', network=dict(type='FCDiscriminator', channels=4), upsample=False
)
AUXILIARY_HEAD = dict(
    type='DeepLabV2Head',
    in_channels=16,
    in_index=2,
    num_classes=tiny.NUM_CLASSES,
    dilations=(1, 3),
    align_corners=False,  # unlike the decode head
    loss_decode=dict(type='MaskedCrossEntropyLoss', loss_weight=0.1),
)


def segmentor_cfg(**kwargs) -> ConfigDict:
    """Arguments of ``EncoderDecoder``; keywords override them or add to them."""
    names = ('data_preprocessor', 'backbone', 'decode_head', 'test_cfg')
    cfg = {name: tiny.model_cfg()[name] for name in names}
    return ConfigDict(copy.deepcopy(dict(cfg, auxiliary_head=AUXILIARY_HEAD, **kwargs)))


def advent_cfg(levels: tuple[str, ...] = ('main', 'aux'), **kwargs) -> ConfigDict:
    """ADVENT. Its weights are far above the paper's, or a wrong term would hardly show."""
    arguments = dict(
        type='ADVENT',
        discriminator={level: DISCRIMINATOR for level in levels},
        lambda_adv_main=0.5,
        lambda_adv_aux=0.2,
    )
    return segmentor_cfg(**dict(arguments, **kwargs))


def build_model(cfg: ConfigDict) -> torch.nn.Module:
    """Model with random weights that give different entropies and judgements."""
    init_default_scope('mmseg')
    model = MODELS.build(cfg)
    model.init_weights()
    for head in (model.decode_head, model.auxiliary_head):
        for conv in head.convs:
            torch.nn.init.normal_(conv.weight, std=0.05)
    for discriminator in getattr(model, 'discriminator', {}).values():
        for layer in discriminator.network.layers[::2]:
            torch.nn.init.normal_(layer.weight, std=0.15)
    return model


def to_double(model: torch.nn.Module) -> torch.nn.Module:
    """Compute in float64: Adam makes much of rounding errors where gradients are small."""
    # The preprocessor gives float32 images; float64 begins after it.
    original = model.data_preprocessor.forward

    def forward(data: dict, training: bool = False) -> dict:
        result = original(data, training)
        return dict(result, inputs=result['inputs'].double())

    model.data_preprocessor.forward = forward
    return model.double()


def build_optimizers(model: torch.nn.Module, **segmentor) -> OptimWrapperDict:
    """Those of ``tiny``, without the one of the discriminator where there is none."""
    if hasattr(model, 'discriminator'):
        return tiny.build_optimizers(model, **segmentor)
    sgd = dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-4)
    return MultiOptimWrapperConstructor(ConfigDict(segmentor=dict(optimizer=sgd, **segmentor)))(
        model
    )


def batch(sizes: list[tuple[int, int]], seed: int, labeled: bool) -> dict:
    """One image for each size; the preprocessor pads them to the largest."""
    parts = [tiny.batch(size, 1, seed + i, labeled) for i, size in enumerate(sizes)]
    return {key: [part[key][0] for part in parts] for key in ('inputs', 'data_samples')}


SOURCE_SIZES = [(64, 80), (30, 36)]
TARGET_SIZES = [(30, 64), (72, 64), (33, 40)]


def batches(seed: int = 0, names: tuple[str, str] = ('source', 'target')) -> dict:
    """Labeled source and unlabeled target, different in number and size.

    The smaller images leave some of the coarse logits of a discriminator to padding.
    """
    return {
        names[0]: batch(SOURCE_SIZES, seed, True),
        names[1]: batch(TARGET_SIZES, seed + 50, False),
    }

"""A small SIGN model, its optimizers and batches for tests."""

import torch
from mmengine.config import ConfigDict
from mmengine.optim import OptimWrapperDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from label_efficient_seg.datasets.toy import CLASSES, UNSEEN_CLASSES
from label_efficient_seg.engine.optimizers import MultiOptimWrapperConstructor

from . import tiny

SPLIT = dict(unseen=list(UNSEEN_CLASSES), ignored=['background'])
SEEN, UNSEEN, HIDDEN = (2, 3, 4, 6), (1, 5), (0, 1, 5, 200, 255)
CHANNELS = 8


def model_cfg(**kwargs) -> ConfigDict:
    """Config for the toy classes, without dropout; keywords override its arguments."""
    plain = tiny.model_cfg()
    cfg = dict(
        type='SIGN',
        data_preprocessor=plain.data_preprocessor,
        backbone=plain.backbone,
        decode_head=dict(plain.decode_head, num_classes=len(CLASSES)),
        spatial_information=dict(type='SpatialInformationModule', context_channels=6),
        generator=dict(type='FeatureGenerator', hidden_channels=(12, 10), dropout=(0, 0)),
        discriminator=dict(type='FeatureDiscriminator', channels=14, dropout=0),
        classes='ToyDataset',
        split=SPLIT,
        embeddings='toy',
        feature_channels=CHANNELS,
        test_cfg=dict(mode='whole'),
    )
    cfg.update(kwargs)
    return ConfigDict(cfg)


def build_model(**kwargs) -> nn.Module:
    """Model with random weights that give clearly different features and classes."""
    init_default_scope('mmseg')
    model = MODELS.build(model_cfg(**kwargs))
    model.init_weights()
    for conv in model.decode_head.convs:
        nn.init.normal_(conv.weight, std=0.3)
    for layer in model.generator.layers[::3]:
        nn.init.normal_(layer.weight, std=0.5)
    nn.init.normal_(model.discriminator.classifier.weight, std=1.5)
    # As from the checkpoint of the step before, which has no teacher.
    weights = model.state_dict()
    model.load_state_dict({n: t for n, t in weights.items() if not n.startswith('teacher.')})
    return model


def optimizers_cfg() -> ConfigDict:
    """The three optimizers, of large rates."""
    return ConfigDict(
        constructor='MultiOptimWrapperConstructor',
        segmentor=dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4)),
        generator=dict(optimizer=dict(type='Adam', lr=2e-3)),
        discriminator=dict(optimizer=dict(type='Adam', lr=3e-3, weight_decay=5e-4)),
    )


def build_optimizers(model: nn.Module) -> OptimWrapperDict:
    """The wrappers of :func:`optimizers_cfg`."""
    cfg = optimizers_cfg()
    cfg.pop('constructor')
    return MultiOptimWrapperConstructor(cfg)(model)


def batch(seed: int = 0) -> dict:
    """Two images of different size, so that one is padded; labels of all kinds in blocks."""
    first, second = tiny.batch((40, 56), 1, seed, True), tiny.batch((48, 48), 1, seed + 1, True)
    generator = torch.Generator().manual_seed(seed)
    choice = torch.tensor([*SEEN, *HIDDEN])
    for sample in first['data_samples'] + second['data_samples']:
        height, width = sample.gt_sem_seg.data.shape[1:]
        blocks = choice[
            torch.randint(len(choice), (1, height // 8, width // 8), generator=generator)
        ]
        sample.gt_sem_seg.data = blocks.repeat_interleave(8, 1).repeat_interleave(8, 2)
    return dict(labeled={key: first[key] + second[key] for key in first})

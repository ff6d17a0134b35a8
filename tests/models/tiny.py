"""A small AdvSemiSeg model, optimizers and batches for tests."""

import torch
from mmengine.config import ConfigDict
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapperDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from label_efficient_seg.engine.optimizers import MultiOptimWrapperConstructor

NUM_CLASSES = 3


def model_cfg(**kwargs) -> ConfigDict:
    """Config of an AdvSemiSeg model with 3 classes; keywords override its arguments."""
    cfg = dict(
        type='AdvSemiSeg',
        data_preprocessor=dict(
            type='SegDataPreProcessor',
            mean=[127.5] * 3,
            std=[64.0] * 3,
            size_divisor=1,
            pad_val=0,
            seg_pad_val=255,
        ),
        # Frozen statistics: the mean over a joint batch is then the mean over its parts.
        backbone=dict(
            type='DeepLabV2ResNet',
            depth=18,
            base_channels=4,
            stem_channels=4,
            style='pytorch',
            norm_cfg=dict(type='BN', requires_grad=True),
            norm_eval=True,
        ),
        decode_head=dict(
            type='DeepLabV2Head',
            in_channels=32,
            in_index=3,
            num_classes=NUM_CLASSES,
            dilations=(1, 2),
            align_corners=True,
            loss_decode=dict(type='MaskedCrossEntropyLoss'),
        ),
        discriminator=dict(
            type='SegDiscriminator', network=dict(type='FCDiscriminator', channels=4)
        ),
        test_cfg=dict(mode='whole'),
        semi_start=0,
    )
    cfg.update(kwargs)
    return ConfigDict(cfg)


def build_model(**kwargs) -> torch.nn.Module:
    """Model with random weights that give clearly different classes and confidences."""
    init_default_scope('mmseg')
    model = MODELS.build(model_cfg(**kwargs))
    model.init_weights()
    for conv in model.decode_head.convs:
        torch.nn.init.normal_(conv.weight, std=0.2)
    for layer in model.discriminator.network.layers[::2]:
        torch.nn.init.normal_(layer.weight, std=0.15)
    return model


def build_optimizers(model: torch.nn.Module, **segmentor) -> OptimWrapperDict:
    """SGD with momentum for the segmentor, Adam for the discriminator."""
    return MultiOptimWrapperConstructor(
        ConfigDict(
            segmentor=dict(
                optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-4), **segmentor
            ),
            discriminator=dict(optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99))),
        )
    )(model)


def train_step(model: torch.nn.Module, iteration: int, data: dict, optimizers) -> dict:
    """One iteration, of which the loop would tell the number."""
    MessageHub.get_current_instance().update_info('iter', iteration)
    return model.train_step(data, optimizers)


def batch(size: tuple[int, int], number: int, seed: int, labeled: bool) -> dict:
    """A batch as a dataloader yields it; 10 % of the pixels are ignored.

    Args:
        size: Height and width.
        number: Images.
        seed: Of images and labels.
        labeled: Whether the masks hold classes, or only 0 (valid) and 255 (padding).
    """
    generator = torch.Generator().manual_seed(seed)
    inputs, samples = [], []
    for _ in range(number):
        inputs.append(torch.randint(0, 256, (3, *size), generator=generator, dtype=torch.uint8))
        high = NUM_CLASSES if labeled else 1
        mask = torch.randint(0, high, (1, *size), generator=generator)
        mask[torch.rand(mask.shape, generator=generator) < 0.1] = 255
        samples.append(SegDataSample(gt_sem_seg=PixelData(data=mask)))
    return dict(inputs=inputs, data_samples=samples)


def batches(seed: int = 0, number: int = 2) -> dict:
    """Labeled and unlabeled batches of different size."""
    return dict(
        labeled=batch((64, 80), number, seed, True),
        unlabeled=batch((72, 64), number + 1, seed + 1, False),
    )

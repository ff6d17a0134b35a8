"""A tiny set of photos behind a data card."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from label_efficient_seg.engine.launch import build_runner, load_config

CARD = """\
images: images
masks: masks
classes: [background, square, bar]
label_map: {"#000000": background, "#804000": square, "#0000ff": bar}
labeled: 1/4
val: 2
"""
COLORS = {0: (0, 0, 0), 1: (128, 64, 0), 2: (0, 0, 255)}


def draw(folder: Path, values: dict, number: int) -> None:
    """Images of 72x64 pixels and masks with the values, or colours, of three classes."""
    rng = np.random.default_rng(0)
    for name in ('images', 'masks'):
        (folder / name).mkdir(parents=True)
    for index in range(number):
        labels = np.zeros((64, 72), np.uint8)
        x, y = rng.integers(4, 40, 2)
        labels[y : y + 20, x : x + 20] = 1
        if index % 2:
            labels[50:60] = 2
        image = labels[..., None] * 60 + rng.integers(0, 80, (64, 72, 3)).astype(np.uint8)
        mask = np.array([values[label] for label in range(3)], np.uint8)[labels]
        cv2.imwrite(str(folder / f'images/{index}.jpg'), image)
        cv2.imwrite(str(folder / f'masks/{index}.png'), mask[..., ::-1] if mask.ndim == 3 else mask)


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A card of ten images, eight for training, two of them labeled."""
    draw(tmp_path, COLORS, 10)
    path = tmp_path / 'data.yaml'
    path.write_text(CARD)
    return path


# A network that trains at once.
TINY = """
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor', size=(64, 64), mean=[127.5] * 3,
                           std=[64.0] * 3, bgr_to_rgb=True, pad_val=0, seg_pad_val=255),
    pretrained=None,
    backbone=dict(type='ResNetV1c', depth=18, base_channels=8, stem_channels=8, norm_cfg=norm_cfg,
                  out_indices=(0, 1, 2, 3), strides=(1, 2, 1, 1), dilations=(1, 1, 1, 1)),
    decode_head=dict(type='FCNHead', in_channels=64, in_index=3, channels=8, num_convs=1,
                     num_classes=19, norm_cfg=norm_cfg, align_corners=False,
                     loss_decode=dict(type='CrossEntropyLoss')),
    train_cfg=dict(), test_cfg=dict(mode='whole'))
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.02))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=1500),
    dict(type='PolyLR', power=1.0, eta_min=0.0, begin=1500, end=160000, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=160000)
"""


@pytest.fixture
def network(tmp_path: Path) -> str:
    path = tmp_path / 'tiny.py'
    path.write_text(TINY)
    return str(path)


def train(config: str, folder: str) -> None:
    """Train as ``les train`` does, without processes that load images."""
    cfg = load_config(config, folder)
    for loader in (*cfg.train_dataloader.values(), cfg.val_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
    build_runner(cfg).train()

"""Small images with tags and masks, a network of random weights, and processes that may die."""

import json
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image
from torch import nn

CLASSES = ('background', 'cat', 'cow', 'dog')
PALETTE = [[0, 0, 0], [200, 0, 0], [0, 200, 0], [0, 0, 200]]
NUMBER = 11
NAMES = [f'{"ab"[index % 2]}/{index:02d}' for index in range(NUMBER)]
LOAD = dict(type='LoadImageFromFile')
ANNOTATIONS = dict(type='LoadCheckedAnnotations')
PACK = dict(type='PackSegInputs', meta_keys=('img_path', 'ori_shape', 'img_shape', 'image_labels'))


def make_data(root: Path) -> None:
    """Images and masks of several sizes; the last image has all tags."""
    rng = np.random.default_rng(0)
    for index, name in enumerate(NAMES):
        size = (24 + 8 * (index % 3), 40 + 5 * (index % 4))
        tags = [1, 2, 3] if index == NUMBER - 1 else [1 + index % 3]
        mask = rng.choice([0, *tags, 255], (4, 5)).astype(np.uint8)
        mask.flat[: len(tags)] = tags
        mask = cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST)
        image = cv2.resize(
            rng.integers(0, 256, (5, 6, 3), np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC
        )
        for folder, content in (('images', image), ('masks', mask)):
            path = root / folder / f'{name}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(content).save(path)


def make_checkpoint(root: Path) -> None:
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(config(root).model)
    nn.init.normal_(model.head.classifier.weight, std=0.5)
    torch.save(dict(state_dict=model.state_dict(), meta={}), root / 'model.pth')


def config(
    root: Path, labeled: bool = True, tags: str = 'masks', model: dict | None = None, **kwargs
) -> Config:
    """Config of a CAM model and its images; further keywords are those of the tags."""
    load_tags = dict(type='LoadImageTags', tags=tags, **kwargs)
    dataset = dict(
        type='ImageFolderSegDataset',
        data_root=str(root),
        labeled=labeled,
        metainfo=dict(classes=CLASSES, palette=PALETTE),
        pipeline=[LOAD, load_tags, *[ANNOTATIONS] * labeled, PACK],
    )
    segmentor = dict(
        type='CAMSegmentor',
        data_preprocessor=dict(type='SegDataPreProcessor', mean=[127.5] * 3, std=[64.0] * 3),
        backbone=dict(
            type='DeepLabV2ResNet', depth=18, base_channels=4, stem_channels=4, style='pytorch'
        ),
        head=dict(type='CAMClsHead', in_channels=32, num_classes=3),
        scales=(1.0, 0.5),
    )
    return Config(
        dict(
            default_scope='mmseg',
            model=segmentor | (model or {}),
            test_dataloader=dict(num_workers=0, dataset=dataset),
            test_cfg=dict(type='TestLoop'),
            test_evaluator=dict(type='CAMIoUMetric'),
            custom_hooks=[dict(type='CheckpointMatchHook')],
            log_level='WARNING',
            launcher='none',
        )
    )


def write_tags(path: Path, tags: dict[str, list[int]]) -> str:
    """Write a file of tags; its path."""
    path.write_text(json.dumps({name: [CLASSES[c] for c in found] for name, found in tags.items()}))
    return str(path)


def mask_of(root: Path, name: str) -> np.ndarray:
    return np.asarray(Image.open(root / 'masks' / f'{name}.png'))


def files(out: Path) -> dict[str, bytes]:
    """All results but the log."""
    found = {str(path.relative_to(out)): path for path in out.rglob('*') if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith('log/')}


def die_at(module: ModuleType | type, name: str, call: int) -> None:
    """Make this process kill itself at some call of a function of a module or class."""
    function, calls = getattr(module, name), []

    def counted(*args, **kwargs) -> None:
        calls.append(1)
        if len(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        function(*args, **kwargs)

    setattr(module, name, counted)


def launch(world_size: int, target: Callable[[str], None], killed: bool = False) -> None:
    """Call a function with the name of the launcher in one or several processes."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]

    def run(rank: int) -> None:
        os.environ.update(RANK=str(rank), WORLD_SIZE=str(world_size), LOCAL_RANK=str(rank))
        os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
        target('pytorch' if world_size > 1 else 'none')

    fork = multiprocessing.get_context('fork')
    processes = [fork.Process(target=run, args=(rank,)) for rank in range(world_size)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    expected = -signal.SIGKILL if killed else 0
    assert [process.exitcode for process in processes] == [expected] * world_size

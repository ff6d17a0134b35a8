"""Miniature datasets in the layouts of the real ones."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image


def write_image(path: Path, height: int = 20, width: int = 30, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), image)


def write_mask(path: Path, mask: np.ndarray, palette: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(mask)
    if palette:
        image = image.convert('P')
        image.putdata(mask.ravel().tolist())
        image.putpalette([value for i in range(256) for value in (i, 255 - i, 7 * i % 256)])
    image.save(path)


def random_mask(seed: int, classes: int = 3, height: int = 20, width: int = 30) -> np.ndarray:
    """Labels 0..classes-1 with a void border."""
    rng = np.random.default_rng(seed)
    mask = rng.integers(0, classes, (height, width), dtype=np.uint8)
    mask[0] = 255
    return mask


def write_list(path: Path, ids: list[str]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(ids))
    return str(path)


VOC_IDS = [f'2007_{i:06d}' for i in range(8)]


@pytest.fixture
def voc_root(tmp_path: Path) -> Path:
    """Eight VOC images with palette masks; six for training, of which two are labeled."""
    root = tmp_path / 'VOC2012'
    for seed, name in enumerate(VOC_IDS):
        write_image(root / 'JPEGImages' / f'{name}.jpg', seed=seed)
        write_mask(root / 'SegmentationClass' / f'{name}.png', random_mask(seed, 21), palette=True)
    lists = root / 'ImageSets' / 'Segmentation'
    write_list(lists / 'train.txt', VOC_IDS[:6])
    write_list(lists / 'labeled.txt', VOC_IDS[1:3])
    write_list(lists / 'val.txt', VOC_IDS[6:])
    return root

"""A tiny set of photos behind a data card."""

from pathlib import Path

import cv2
import numpy as np
import pytest

CARD = """\
images: images
masks: masks
classes: [background, square, bar]
label_map: {"#000000": background, "#804000": square, "#0000ff": bar}
labeled: 1/4
val: 2
"""
COLORS = {0: (0, 0, 0), 1: (128, 64, 0), 2: (0, 0, 255)}


def draw(folder: Path, number: int) -> None:
    """Images of 72x64 pixels with colour masks, below ``images`` and ``masks``."""
    rng = np.random.default_rng(0)
    for name in ('images', 'masks'):
        (folder / name).mkdir(parents=True)
    for index in range(number):
        labels = np.zeros((64, 72), np.uint8)
        x, y = rng.integers(4, 40, 2)
        labels[y : y + 20, x : x + 20] = 1
        if index % 2:
            labels[50:60] = 2
        mask = np.array([COLORS[label] for label in range(3)], np.uint8)[labels]
        image = mask // 2 + rng.integers(0, 80, mask.shape).astype(np.uint8)
        cv2.imwrite(str(folder / f'images/{index}.jpg'), image)
        cv2.imwrite(str(folder / f'masks/{index}.png'), mask[..., ::-1])


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A card of ten images, eight for training, two of them labeled."""
    draw(tmp_path, 10)
    path = tmp_path / 'data.yaml'
    path.write_text(CARD)
    return path

"""Image files."""

from pathlib import Path

import numpy as np
from PIL import Image

from label_efficient_seg.visualization import save_image


def test_images_are_written_as_rgb_without_loss(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    path = save_image(image, tmp_path / 'image.png')
    assert np.array_equal(np.asarray(Image.open(path)), image)

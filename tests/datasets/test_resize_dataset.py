"""Smaller copies of datasets."""

import numpy as np
import pytest
from PIL import Image

from label_efficient_seg.datasets.files.resize_dataset import resize_dataset


@pytest.fixture
def dataset(tmp_path):
    root = tmp_path / 'whole'
    for folder in ('JPEGImages/a', 'SegmentationClass/a'):
        (root / folder).mkdir(parents=True)
    gradient = np.arange(40 * 20, dtype=np.uint8).reshape(40, 20) // 4
    Image.fromarray(np.stack([gradient] * 3, -1)).save(root / 'JPEGImages/a/1.jpg', quality=100)
    mask = Image.fromarray(np.kron(np.array([[3, 255], [0, 15]]), np.ones((20, 10))).astype('u1'))
    mask.putpalette(list(range(256)) * 3)
    mask.save(root / 'SegmentationClass/a/1.png')
    return root


def test_half_size(dataset, tmp_path):
    assert resize_dataset(dataset, tmp_path / 'half', 20, workers=1) == 2
    image = Image.open(tmp_path / 'half/JPEGImages/a/1.jpg')
    assert (image.size, image.mode) == ((10, 20), 'RGB')
    mask = Image.open(tmp_path / 'half/SegmentationClass/a/1.png')
    assert mask.getpalette()[:6] == [0, 1, 2, 3, 4, 5]
    expected = np.kron(np.array([[3, 255], [0, 15]]), np.ones((10, 5)))
    np.testing.assert_array_equal(np.asarray(mask), expected)


def test_small_files_keep_their_size_and_existing_ones_their_content(dataset, tmp_path):
    resize_dataset(dataset, tmp_path / 'same', 64, workers=1)
    mask = tmp_path / 'same/SegmentationClass/a/1.png'
    assert Image.open(mask).size == (20, 40)
    mask.write_bytes(b'mine')
    resize_dataset(dataset, tmp_path / 'same', 20, workers=1)
    assert mask.read_bytes() == b'mine'


def test_errors_name_the_file(dataset, tmp_path):
    with pytest.raises(FileNotFoundError, match="whole/masks' has no file"):
        resize_dataset(dataset, tmp_path / 'half', 20, masks=['masks'])
    with pytest.raises(ValueError, match='own source'):
        resize_dataset(dataset, dataset, 20)
    with pytest.raises(ValueError, match='got 0'):
        resize_dataset(dataset, tmp_path / 'half', 0)
    (dataset / 'JPEGImages/a/1.jpg').write_bytes(b'no image')
    with pytest.raises(OSError, match=r"JPEGImages/a/1\.jpg' cannot be read"):
        resize_dataset(dataset, tmp_path / 'half', 20, workers=1)

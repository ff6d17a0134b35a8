import numpy as np
import pytest

from label_efficient_seg.datasets.transforms import CenterPad


def sample(height, width):
    rng = np.random.default_rng(0)
    return dict(
        img=rng.integers(1, 256, (height, width, 3), dtype=np.uint8),
        gt_seg_map=rng.integers(0, 21, (height, width), dtype=np.uint8),
        seg_fields=['gt_seg_map'],
    )


@pytest.mark.parametrize('size', [(5, 9), (8, 8), (4, 12), (9, 13), (3, 20)])
def test_image_is_in_the_middle(size):
    height, width = size
    results = CenterPad((8, 12), pad_val=(104, 117, 123))(sample(height, width))
    top, left = max(8 - height, 0) // 2, max(12 - width, 0) // 2
    shape = max(8, height), max(12, width)
    image = np.empty((*shape, 3), np.uint8)
    image[:] = (104, 117, 123)
    mask = np.full(shape, 255, np.uint8)
    image[top : top + height, left : left + width] = sample(height, width)['img']
    mask[top : top + height, left : left + width] = sample(height, width)['gt_seg_map']
    np.testing.assert_array_equal(results['img'], image)
    np.testing.assert_array_equal(results['gt_seg_map'], mask)
    assert results['img_shape'] == results['pad_shape'] == shape


def test_images_without_masks():
    results = CenterPad((6, 6))(dict(img=np.ones((2, 3, 3), np.uint8)))
    assert results['img'].shape == (6, 6, 3) and results['img'].sum() == 18

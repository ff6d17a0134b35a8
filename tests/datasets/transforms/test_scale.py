import cv2
import numpy as np
import pytest
from mmcv.transforms.utils import cache_random_params

from label_efficient_seg.datasets.transforms import RandomScale


def sample(height: int, width: int) -> dict:
    rng = np.random.default_rng(0)
    return dict(
        img=rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
        img_shape=(height, width),
        gt_seg_map=rng.integers(0, 21, (height, width), dtype=np.uint8),
        seg_fields=['gt_seg_map'],
    )


@pytest.mark.parametrize(('height', 'width'), [(375, 500), (33, 20), (7, 7)])
def test_scales_relative_to_the_image(height, width):
    scale = RandomScale(ratio_range=(0.5, 0.5))
    original = sample(height, width)
    results = scale(sample(height, width))
    size = (int(width / 2 + 0.5), int(height / 2 + 0.5))
    assert results['scale'] == size
    assert results['img_shape'] == size[::-1]
    assert results['scale_factor'] == (size[0] / width, size[1] / height)
    np.testing.assert_array_equal(
        results['img'], cv2.resize(original['img'], size, interpolation=cv2.INTER_LINEAR)
    )
    np.testing.assert_array_equal(
        results['gt_seg_map'],
        cv2.resize(original['gt_seg_map'], size, interpolation=cv2.INTER_NEAREST),
    )


def test_factors_cover_the_range():
    scale = RandomScale(ratio_range=(0.5, 1.5))
    factors = [scale.random_factor() for _ in range(2000)]
    assert 0.5 <= min(factors) < 0.52
    assert 1.48 < max(factors) <= 1.5
    assert abs(np.mean(factors) - 1) < 0.03


def test_steps_include_both_ends():
    scale = RandomScale(ratio_range=(0.5, 1.6), step=0.1)
    factors = {round(scale.random_factor(), 9) for _ in range(500)}
    assert factors == {round(0.5 + 0.1 * i, 9) for i in range(12)}


def test_image_without_mask_and_tiny_image():
    scale = RandomScale(ratio_range=(0.1, 0.1))
    results = scale(dict(img=np.zeros((3, 2, 3), np.uint8)))
    assert results['img'].shape == (1, 1, 3)


def test_randomness_can_be_shared():
    scale = RandomScale()
    with cache_random_params([scale]):
        assert scale(sample(40, 50))['scale'] == scale(sample(40, 50))['scale']
    assert len({scale(sample(400, 500))['scale'] for _ in range(20)}) > 1


@pytest.mark.parametrize(
    'arguments',
    [
        dict(ratio_range=(1.5, 0.5)),
        dict(ratio_range=(0, 1)),
        dict(step=0),
        dict(step=-0.1),
    ],
)
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match='got'):
        RandomScale(**arguments)


def test_cover_scales_again_until_no_padding_is_needed():
    def plain(height, width, factors, cover):
        """Size and number of factors used, as the released loop goes."""
        for used, factor in enumerate(factors[:10], 1):
            height, width = int(height * factor + 0.5), int(width * factor + 0.5)
            if height >= cover[0] and width >= cover[1]:
                return (height, width), used
        return cover, 10

    drawn = np.random.default_rng(3).uniform(0.5, 1.6, (30, 20))
    ends = set()
    for factors in drawn:
        scale = RandomScale(ratio_range=(0.5, 1.6), cover=(40, 50))
        left = list(factors)
        scale.random_factor = lambda left=left: left.pop(0)
        size, used = plain(45, 60, factors, (40, 50))
        results = scale(sample(45, 60))
        assert results['img'].shape[:2] == results['gt_seg_map'].shape == size
        assert len(factors) - len(left) == used
        ends.add('first' if used == 1 else 'last' if size == (40, 50) else 'later')
    assert ends == {'first', 'later', 'last'}

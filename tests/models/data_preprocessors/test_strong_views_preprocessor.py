import copy

import pytest
import torch
from mmseg.models.data_preprocessor import SegDataPreProcessor
from torchvision.transforms import functional

from label_efficient_seg.models.data_preprocessors import StrongViewsPreProcessor
from tests.models import tiny, tiny_views

SETTINGS = dict(
    mean=[120.0, 110.0, 100.0], std=[60.0, 50.0, 40.0], size_divisor=32, seg_pad_val=255
)


@pytest.mark.parametrize('bgr_to_rgb', [False, True])
def test_strong_views_equal_torchvision_on_the_raw_image(bgr_to_rgb):
    batch = tiny_views.unlabeled_batch(3, 0, (32, 64))
    found = StrongViewsPreProcessor(bgr_to_rgb=bgr_to_rgb, **SETTINGS)(copy.deepcopy(batch), True)
    assert found['strong'].shape == (2, 3, 3, 32, 64) and found['boxes'].shape == (2, 3, 4)
    adjust = [getattr(functional, f'adjust_{name}') for name in ('brightness', 'contrast')]
    adjust += [functional.adjust_saturation, functional.adjust_hue]
    mean, std = (torch.tensor(SETTINGS[k]).view(3, 1, 1) for k in ('mean', 'std'))
    for n, (image, sample) in enumerate(zip(batch['inputs'], batch['data_samples'], strict=True)):
        views = sample.strong_views
        for v in range(2):
            rgb = image.flip(0) / 255
            for step in views.order[v]:
                rgb = adjust[step](rgb, views.factors[v][step])
            if views.gray[v]:
                rgb = functional.rgb_to_grayscale(rgb, 3)
            if views.sigma[v]:
                rgb = functional.gaussian_blur(rgb, [13, 13], [float(views.sigma[v])] * 2)
            expected = (255 * (rgb if bgr_to_rgb else rgb.flip(0)) - mean) / std
            torch.testing.assert_close(found['strong'][v, n], expected, atol=2e-4, rtol=0)
            assert torch.equal(found['boxes'][v, n], views.boxes[v])


def test_weak_view_labels_and_other_batches_are_those_of_mmseg():
    ours, theirs = StrongViewsPreProcessor(**SETTINGS), SegDataPreProcessor(**SETTINGS)
    for batch in (tiny_views.unlabeled_batch(2, 0), tiny.batch((30, 40), 2, 0, True)):
        for training in (True, False):
            found = ours(copy.deepcopy(batch), training)
            expected = theirs(copy.deepcopy(batch), training)
            assert torch.equal(found['inputs'], expected['inputs'])
            for one, two in zip(found['data_samples'], expected['data_samples'], strict=True):
                assert torch.equal(one.gt_sem_seg.data, two.gt_sem_seg.data)
    assert set(found) == {'inputs', 'data_samples'}
    assert 'strong' not in ours(tiny_views.unlabeled_batch(2, 0), False)


def test_views_are_the_first_ones_drawn():
    batch = tiny_views.unlabeled_batch(2, 0)
    two = StrongViewsPreProcessor(**SETTINGS)(copy.deepcopy(batch), True)
    one = StrongViewsPreProcessor(views=1, **SETTINGS)(copy.deepcopy(batch), True)
    assert torch.equal(one['strong'], two['strong'][:1])
    assert torch.equal(one['boxes'], two['boxes'][:1])

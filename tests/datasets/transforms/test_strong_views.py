import numpy as np
import pytest
import torch

from label_efficient_seg.core.errors import UserError
from label_efficient_seg.datasets.transforms import PackStrongViews, draw_cutmix_box


def packed(seed: int, **kwargs):
    """The sample of a random image under a seed of the global generator."""
    np.random.seed(seed)
    image = np.zeros((60, 80, 3), np.uint8)
    mask = np.zeros((60, 80), np.uint8)
    return PackStrongViews(**kwargs)(dict(img=image, gt_seg_map=mask))['data_samples']


def drawn(count: int, **kwargs) -> dict[str, torch.Tensor]:
    views = [packed(seed, **kwargs).strong_views for seed in range(count)]
    names = ('factors', 'order', 'gray', 'sigma', 'boxes')
    return {name: torch.cat([torch.as_tensor(v.get(name)) for v in views]) for name in names}


@pytest.mark.parametrize('size', [(321, 321), (40, 90), (512, 256)])
def test_boxes_lie_inside_and_have_the_areas_and_ratios_of_the_paper(size):
    random = np.random.default_rng(0)
    boxes = np.array([draw_cutmix_box(size, random) for _ in range(600)])
    x1, y1, x2, y2 = boxes.T
    assert (x1 >= 0).all() and (y1 >= 0).all()
    assert (x2 <= size[1]).all() and (y2 <= size[0]).all()
    height, width = y2 - y1, x2 - x1
    # Sides are cut to whole pixels.
    assert ((height + 1) / width > 0.3).all() and (height / (width + 1) < 1 / 0.3).all()
    share = height * width / size[0] / size[1]
    assert share.max() < 0.4 and ((height + 1) * (width + 1) / size[0] / size[1] > 0.02).all()
    # The area is uniform although large boxes are rejected more often.
    assert share.mean() == pytest.approx(0.21, abs=0.03)


def test_crops_that_no_box_fits_into_are_refused():
    with pytest.raises(UserError, match='more square'):
        for seed in range(50):
            draw_cutmix_box((10, 2000), np.random.default_rng(seed))


def test_parameters_follow_the_probabilities_and_ranges():
    values = drawn(800)
    neutral = torch.tensor([1.0, 1.0, 1.0, 0.0])
    jittered = (values['factors'] != neutral).any(dim=1)
    assert jittered.float().mean() == pytest.approx(0.8, abs=0.04)
    factors = values['factors'][jittered]
    assert factors[:, :3].min() >= 0.5 and factors[:, :3].max() <= 1.5
    assert factors[:, 3].abs().max() <= 0.25
    assert values['gray'].float().mean() == pytest.approx(0.2, abs=0.04)
    blurred = values['sigma'] > 0
    assert blurred.float().mean() == pytest.approx(0.5, abs=0.05)
    assert values['sigma'][blurred].min() >= 0.1 and values['sigma'].max() <= 2
    boxed = (values['boxes'] != 0).any(dim=1)
    assert boxed.float().mean() == pytest.approx(0.5, abs=0.05)
    assert torch.equal(values['order'].sort(dim=1).values, torch.arange(4).expand(1600, 4))
    # All 24 orders of the colour operations occur.
    assert len({tuple(order) for order in values['order'].tolist()}) == 24


def test_views_differ_and_follow_from_the_seed_alone():
    one, other, again = packed(1), packed(2), packed(1)
    assert one.strong_views.factors != other.strong_views.factors
    for name in ('factors', 'order', 'gray'):
        assert one.strong_views.get(name) == again.strong_views.get(name)
    for name, value in one.strong_views.items():
        assert torch.equal(value, again.strong_views.get(name))
    assert len(one.strong_views.boxes) == 2
    order, factors = one.strong_views.order, one.strong_views.factors
    assert order[0] != order[1] or factors[0] != factors[1]
    assert one.gt_sem_seg.data.shape == (1, 60, 80)


def test_kernel_must_cover_the_blur():
    with pytest.raises(UserError, match='blur_sigma'):
        PackStrongViews(blur_sigma=(0.1, 3.0))

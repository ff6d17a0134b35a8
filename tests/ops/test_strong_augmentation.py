"""Batched augmentation against torchvision's, one image after the other."""

import itertools

import pytest
import torch
from torchvision.transforms import functional

from label_efficient_seg.ops import gaussian_blur, jitter_colors, shift_hue, strong_augmentation

ADJUST = (
    functional.adjust_brightness,
    functional.adjust_contrast,
    functional.adjust_saturation,
    functional.adjust_hue,
)


def images(number: int) -> torch.Tensor:
    """Random colours, with gray, black, white and saturated pixels."""
    result = torch.rand(number, 3, 16, 17)
    result[:, :, 0, :3] = torch.tensor([0.0, 0.5, 1.0])
    result[:, :, 1, :3] = torch.eye(3)
    return result


def parameters(number: int) -> tuple[list, list]:
    factors = torch.rand(number, 4) + 0.5
    factors[:, 3] = torch.rand(number) / 2 - 0.25
    orders = list(itertools.permutations(range(4)))
    return factors.tolist(), [orders[i % len(orders)] for i in range(number)]


def test_jitter_equals_torchvision_in_every_order():
    for image, factors, order in zip(images(24).split(1), *parameters(24), strict=True):
        found = jitter_colors(image, factors, order)
        for step in order:
            image = ADJUST[step](image, factors[step])
        torch.testing.assert_close(found, image, atol=1e-5, rtol=0)


@pytest.mark.parametrize('shift', [-0.5, -0.1, 0.0, 0.25, 0.5])
def test_hue_equals_torchvision(shift):
    batch = images(2)
    found = shift_hue(batch, shift)
    torch.testing.assert_close(found, functional.adjust_hue(batch, shift), atol=1e-5, rtol=0)


def test_blur_equals_torchvision_and_zero_leaves_the_image():
    batch, sigma = images(4), torch.tensor([0.0, 0.1, 0.9, 2.0])
    found = gaussian_blur(batch, sigma)
    assert torch.equal(found[0], batch[0])
    for image, width, result in zip(batch[1:], sigma[1:].tolist(), found[1:], strict=True):
        expected = functional.gaussian_blur(image, [13, 13], [width, width])
        torch.testing.assert_close(result, expected, atol=1e-6, rtol=0)


def test_neutral_parameters_change_nothing_and_images_do_not_touch_each_other():
    batch, (factors, order) = images(3), parameters(3)
    factors[0] = [1.0, 1.0, 1.0, 0.0]
    gray, sigma = [False, True, False], torch.tensor([0.0, 0.0, 1.5])
    found = strong_augmentation(batch, factors, order, gray, sigma)
    torch.testing.assert_close(found[0], batch[0], atol=1e-6, rtol=0)
    assert torch.equal(found[1, 0], found[1, 1]) and torch.equal(found[1, 0], found[1, 2])
    for n in range(3):
        row = slice(n, n + 1)
        alone = strong_augmentation(batch[row], factors[row], order[row], gray[row], sigma[row])
        torch.testing.assert_close(found[row], alone, atol=1e-6, rtol=0)
    assert found.min() >= 0 and found.max() <= 1

"""Losses and accuracies against loops over pixels."""

import math

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from torch import Tensor

from label_efficient_seg.models.discriminators import SegDiscriminator

SIZES = [(1, 40, 70), (3, 64, 33)]


def build(mode: str = 'bce', **kwargs) -> SegDiscriminator:
    discriminator = MODELS.build(
        dict(
            type='SegDiscriminator',
            network=dict(type='FCDiscriminator', in_channels=3, channels=4),
            loss_adv=dict(type='AdversarialLoss', mode=mode),
            **kwargs,
        )
    )
    # Judgements on both sides of the boundary.
    for layer in discriminator.network.layers[::2]:
        torch.nn.init.normal_(layer.weight, std=0.3)
    return discriminator


def maps_and_masks() -> tuple[list[Tensor], list[Tensor]]:
    """Batches of different number and size of images, with different shares of valid pixels."""
    maps = [torch.randn(n, 3, h, w).mul(3).softmax(1) for n, h, w in SIZES]
    masks = [
        torch.rand(n, h, w) < share for (n, h, w), share in zip(SIZES, (0.2, 0.7), strict=True)
    ]
    return maps, masks


def pixel_loss(logit: float, real: bool, mode: str) -> float:
    if mode == 'lsgan':
        return (logit - real) ** 2
    probability = 1 / (1 + math.exp(-logit))
    return -math.log(probability if real else 1 - probability)


def loop_means(logits: list[Tensor], masks: list[Tensor], real: bool, mode: str) -> tuple:
    """Mean loss and percentage of right judgements over the valid pixels of all batches."""
    boundary = 0.5 if mode == 'lsgan' else 0
    values, right = [], []
    for batch, mask in zip(logits, masks, strict=True):
        for index in np.argwhere(mask.numpy()):
            n, y, x = index
            logit = float(batch[n, 0, y, x])
            values.append(pixel_loss(logit, real, mode))
            right.append((logit > boundary) == real)
    return np.mean(values), 100 * np.mean(right)


def nearest(mask: Tensor, height: int, width: int) -> Tensor:
    """The mask's value at the upper left of each cell of a coarse grid."""
    result = torch.zeros(len(mask), height, width, dtype=torch.bool)
    for n in range(len(mask)):
        for y in range(height):
            for x in range(width):
                result[n, y, x] = mask[n, y * mask.shape[1] // height, x * mask.shape[2] // width]
    return result


@pytest.mark.parametrize('mode', ['bce', 'lsgan'])
@pytest.mark.parametrize('real', [False, True])
@pytest.mark.parametrize('upsample', [False, True])
def test_loss_and_accuracy_over_several_batches(mode, real, upsample):
    discriminator = build(mode, upsample=upsample)
    maps, masks = maps_and_masks()
    with torch.no_grad():
        loss, accuracy = discriminator.loss(maps, real, masks)
    logits = [discriminator(m).detach() for m in maps]
    small = [nearest(m, *x.shape[-2:]) for m, x in zip(masks, logits, strict=True)]
    expected_loss, expected_accuracy = loop_means(logits, small, real, mode)
    assert float(loss) == pytest.approx(expected_loss, rel=1e-5)
    assert float(accuracy) == pytest.approx(expected_accuracy, rel=1e-5)
    if upsample:
        assert 0 < expected_accuracy < 100
        assert all(torch.equal(a, b) for a, b in zip(small, masks, strict=True))
    # It is the mean over the joint pixels, not the mean of the batches' means.
    with torch.no_grad():
        parts = [discriminator.loss([m], real, [v])[0] for m, v in zip(maps, masks, strict=True)]
    assert abs(float(sum(parts)) / 2 - float(loss)) > 1e-4


@pytest.mark.parametrize('mode', ['bce', 'lsgan'])
def test_adversarial_loss(mode):
    discriminator = build(mode)
    maps, masks = maps_and_masks()
    logits = discriminator(maps[1]).detach()
    for real in (False, True):
        expected, _ = loop_means([logits], [masks[1]], real, mode)
        found = discriminator.adversarial_loss(logits, real, masks[1])
        assert float(found) == pytest.approx(expected, rel=1e-5)
        expected, _ = loop_means([logits], [torch.ones_like(masks[1])], real, mode)
        assert float(discriminator.adversarial_loss(logits, real)) == pytest.approx(
            expected, rel=1e-5
        )


def test_logits_are_resized_with_aligned_corners():
    discriminator = build()
    maps = torch.rand(1, 3, 70, 97)
    coarse = discriminator.network(maps).detach()[0, 0].double().numpy()
    found = discriminator(maps).detach()
    assert found.shape == (1, 1, 70, 97) and coarse.shape == (2, 3)
    for y in range(0, 70, 23):
        for x in range(0, 97, 32):
            v, u = y * 1 / 69, x * 2 / 96
            top, left = min(int(v), 0), min(int(u), 1)
            dv, du = v - top, u - left
            expected = (
                (1 - dv) * ((1 - du) * coarse[top, left] + du * coarse[top, left + 1])
                + dv * ((1 - du) * coarse[top + 1, left] + du * coarse[top + 1, left + 1])
            )  # fmt: skip
            assert float(found[0, 0, y, x]) == pytest.approx(expected, abs=1e-5)
    assert build(upsample=False)(maps).shape == (1, 1, 2, 3)


def test_no_valid_pixel_gives_zero_and_no_nan():
    discriminator = build()
    maps, masks = maps_and_masks()
    loss, accuracy = discriminator.loss(maps, True, [torch.zeros_like(m) for m in masks])
    loss.backward()
    assert loss == 0 and accuracy == 0
    assert all(not p.grad.any() for p in discriminator.parameters())


def test_unequal_numbers_of_batches_and_masks_are_refused():
    maps, masks = maps_and_masks()
    with pytest.raises(ValueError, match='zip'):
        build().loss(maps, True, masks[:1])

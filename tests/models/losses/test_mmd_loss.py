import math

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS

from label_efficient_seg.models.losses import MMDLoss, squared_mmd

BANDWIDTHS = (2, 5, 10, 20, 40, 60)


def loop_mmd(fake: np.ndarray, real: np.ndarray, bandwidths=BANDWIDTHS) -> float:
    """Squared MMD, pair by pair."""

    def mean(xs: np.ndarray, ys: np.ndarray) -> float:
        total = 0.0
        for x in xs:
            for y in ys:
                distance = sum((a - b) ** 2 for a, b in zip(x.tolist(), y.tolist(), strict=True))
                total += sum(math.exp(-distance / (2 * b)) for b in bandwidths)
        return total / (len(xs) * len(ys))

    return mean(fake, fake) + mean(real, real) - 2 * mean(fake, real)


def loop_loss(fake: np.ndarray, real: np.ndarray, labels: np.ndarray) -> float:
    """Mean over images and classes of the root of half of it."""
    values = []
    for image in range(len(labels)):
        for label in sorted(set(labels[image].ravel().tolist()) - {255}):
            where = labels[image] == label
            squared = loop_mmd(fake[image][:, where].T, real[image][:, where].T)
            values.append(math.sqrt(max(squared, 0) / 2))
    return float(np.mean(values))


def case(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two images with three classes and void."""
    fake, real = torch.rand(2, 2, 5, 4, 6, dtype=dtype)
    labels = torch.tensor([0, 3, 7, 255])[torch.randint(0, 4, (2, 4, 6))]
    return 2 * fake, 3 * real, labels


@pytest.mark.parametrize('bandwidths', [BANDWIDTHS, (0.5,), (60, 1)])
@pytest.mark.parametrize(('n', 'm'), [(1, 1), (1, 6), (7, 1), (5, 5), (9, 4)])
@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_squared_mmd_against_double_loop(n, m, bandwidths, dtype, tolerance):
    fake = torch.randn(n, 6, dtype=dtype)
    real = 1.5 * torch.randn(m, 6, dtype=dtype) + 0.3
    found = squared_mmd(fake, real, bandwidths)
    expected = loop_mmd(fake.double().numpy(), real.double().numpy(), bandwidths)
    assert found.dtype == dtype and found.shape == ()
    assert float(found) == pytest.approx(expected, abs=tolerance)
    assert float(squared_mmd(real, fake, bandwidths)) == pytest.approx(expected, abs=tolerance)


def test_many_channels_far_from_zero_in_float32():
    """Lengths of thousands, distances of a few: their difference must not drown in rounding."""
    fake, real = (torch.rand(2, 20, 600) * 0.1 + torch.tensor([[[3.0]], [[3.02]]])).unbind()
    expected = loop_mmd(fake.double().numpy(), real.double().numpy())
    assert float(squared_mmd(fake, real)) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize('shapes', [((0, 3), (2, 3)), ((2, 3), (0, 3)), ((2, 3), (2, 4))])
def test_sets_that_cannot_be_compared(shapes):
    with pytest.raises(ValueError, match=r'at least one sample .* the shapes \(\d, 3\) and'):
        squared_mmd(*(torch.zeros(shape) for shape in shapes))


@pytest.mark.parametrize('max_samples', [None, 48])
def test_loss_against_loop(max_samples):
    fake, real, labels = case()
    loss = MMDLoss(max_samples=max_samples, loss_weight=50)
    expected = loop_loss(fake.numpy(), real.numpy(), labels.numpy())
    assert float(loss(fake, real, labels)) == pytest.approx(50 * expected, rel=1e-6)


def test_capped_groups_are_some_of_their_pixels():
    """Equal pixels but one: only a group that was drawn without it has no discrepancy."""
    fake = torch.zeros(1, 2, 5, 6)
    real = fake.clone()
    real[0, :, 2, 2] = 4
    labels = torch.ones(1, 5, 6, dtype=torch.long)
    # In single precision, the difference of nearly equal sums depends on the processor.
    exact = float(MMDLoss(max_samples=None)(fake.double(), real.double(), labels))
    values = {round(float(MMDLoss(max_samples=5)(fake, real, labels)), 5) for _ in range(60)}
    drawn = loop_mmd(np.zeros((5, 2)), np.array([[4.0, 4.0]] + 4 * [[0.0, 0.0]]))
    assert values == {0.0, round(math.sqrt(drawn / 2), 5)}
    assert exact == pytest.approx(loop_loss(*(x.numpy() for x in (fake, real, labels))), rel=1e-5)
    torch.manual_seed(3)
    first = MMDLoss(max_samples=5)(fake, real, labels)
    torch.manual_seed(3)
    assert first == MMDLoss(max_samples=5)(fake, real, labels)


def test_capped_cost_is_that_of_the_cap():
    """A kernel matrix of all 40,000 pixels would take 50 GB."""
    fake, real = torch.rand(2, 1, 3, 200, 200)
    labels = torch.zeros(1, 200, 200, dtype=torch.long)
    assert 0 <= float(MMDLoss(max_samples=64)(fake, real, labels)) < 1


def test_gradient_by_finite_differences():
    fake, real, labels = case()
    fake.requires_grad_()
    real.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda f, r: MMDLoss(max_samples=None)(f, r, labels), (fake, real)
    )
    samples = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    others = torch.randn(1, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(squared_mmd, (samples, others))


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_equal_sets_give_zero_and_a_finite_gradient(dtype):
    fake, _, labels = case(dtype)
    fake.requires_grad_()
    loss = MMDLoss()(fake, fake.detach().clone(), labels)
    loss.backward()
    assert loss == 0 and not fake.grad.any()
    # Also next to a group that differs.
    real = fake.detach().clone()
    real[:, :, labels[0] == 3] += 1
    fake.grad = None
    MMDLoss()(fake, real, labels).backward()
    assert torch.isfinite(fake.grad).all() and fake.grad.any()


def test_single_pixels():
    fake, real = torch.tensor([[[[0.0]]]]), torch.tensor([[[[2.0]]]])
    expected = sum(1 - math.exp(-4 / (2 * b)) for b in BANDWIDTHS)
    assert float(MMDLoss()(fake, real, torch.zeros(1, 1, 1).long())) == pytest.approx(
        math.sqrt(expected)
    )


def test_without_a_class_the_loss_is_zero_and_has_a_gradient():
    fake, real, labels = case(torch.float32)
    fake[0, 0, 0, 0] = float('nan')
    fake.requires_grad_()
    loss = MMDLoss()(fake, real, torch.full_like(labels, 255))
    loss.backward()
    assert loss == 0 and not fake.grad.any()


def test_void_pixels_do_not_matter():
    fake, real, labels = case()
    loss = MMDLoss()(fake, real, labels)
    void = (labels == 255)[:, None].expand_as(fake)
    assert void.any()
    assert loss == MMDLoss()(fake.masked_fill(void, 1e9), real.masked_fill(void, -5), labels)
    other = MMDLoss(ignore_index=7)(fake, real, torch.where(labels == 255, 7, labels))
    assert torch.isfinite(other) and other != loss


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_and_autocast_are_computed_in_float32(dtype):
    fake, real, labels = case(torch.float32)
    fake, real = fake.to(dtype), real.to(dtype)
    expected = MMDLoss()(fake.float(), real.float(), labels)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = MMDLoss()(fake, real, labels)
    assert found.dtype == torch.float32 and found == expected


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(bandwidths=[]), r'bandwidths above 0, got \[\]'),
        (dict(bandwidths=(2, 0)), r'bandwidths above 0, got \(2, 0\)'),
        (dict(max_samples=1), 'max_samples of MMDLoss is 1; give at least 2, or None'),
    ],
)
def test_faulty_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        MMDLoss(**settings)


def test_from_a_config():
    fake, real, labels = case()
    loss = MODELS.build(dict(type='MMDLoss', loss_weight=2, bandwidths=[1]))
    values = [loss(fake, real, labels), MMDLoss(bandwidths=[1])(fake, real, labels)]
    assert values[0] == 2 * values[1]

"""Self-information and entropy against loops, and at the ends of the number range."""

import math

import numpy as np
import pytest
import torch

from label_efficient_seg.ops import entropy_map, self_information


def loop_information(logits: np.ndarray) -> np.ndarray:
    """-p log2 p / log2 C, one value after the other in float64; 0 log 0 is 0."""
    result = np.zeros(logits.shape)
    n_images, n_classes, height, width = logits.shape
    for n in range(n_images):
        for y in range(height):
            for x in range(width):
                scores = [float(v) for v in logits[n, :, y, x]]
                powers = [math.exp(v - max(scores)) for v in scores]
                for c in range(n_classes):
                    p = powers[c] / sum(powers)
                    if p > 0:
                        result[n, c, y, x] = -p * math.log2(p) / math.log2(n_classes)
    return result


@pytest.mark.parametrize('num_classes', [2, 3, 19])
@pytest.mark.parametrize('scale', [0.1, 3, 60])
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_against_loop(num_classes, scale, dtype):
    logits = (scale * torch.randn(2, num_classes, 4, 5)).to(dtype)
    expected = loop_information(logits.double().numpy())
    found = self_information(logits)
    # Half precision is computed from its values, exact in float32, and not in half precision.
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    atol = 1e-14 if dtype == torch.float64 else 2e-7
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=atol)
    np.testing.assert_allclose(
        entropy_map(logits).numpy(), expected.sum(1), rtol=1e-5, atol=num_classes * atol
    )


@pytest.mark.parametrize('num_classes', [2, 5])
def test_bounds_are_reached(num_classes):
    highest = 1 / (math.e * math.log(num_classes))
    at_highest = torch.tensor(
        [1 / math.e] + [(1 - 1 / math.e) / (num_classes - 1)] * (num_classes - 1)
    )
    found = self_information(at_highest.log().reshape(1, num_classes, 1, 1))
    assert float(found[0, 0, 0, 0]) == pytest.approx(highest, rel=1e-6)
    many = self_information(3 * torch.randn(2, num_classes, 50, 50))
    assert many.min() >= 0 and many.max() <= highest + 1e-6
    entropy = entropy_map(torch.zeros(1, num_classes, 2, 2))
    assert entropy.shape == (1, 2, 2)
    torch.testing.assert_close(entropy, torch.ones(1, 2, 2))
    assert not entropy_map(torch.eye(num_classes)[None, :, :, None] * 1000).any()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize('low', [-math.inf, 'lowest', -1e4])
def test_extreme_scores_give_no_nan_in_value_and_gradient(low, dtype):
    limits = torch.finfo(dtype)
    low = limits.min if low == 'lowest' else low
    pixels = [[0, low, low], [1, 1, low], [limits.max, low, 0], [0.5, -0.5, 0]]
    logits = torch.tensor(pixels, dtype=dtype).T[None, :, :, None].requires_grad_()
    information = self_information(logits)
    # A large factor, as the scaling of mixed precision has.
    (65536 * information).sum().backward()
    expected = loop_information(logits.detach().double().numpy())
    np.testing.assert_allclose(information.detach().numpy(), expected, rtol=1e-3, atol=1e-6)
    assert torch.isfinite(logits.grad).all()
    # Two equal classes and an impossible third: a maximum of what is left.
    assert logits.grad[0, :, 1].abs().max() < 0.05 < logits.grad[0, :, 3].abs().max()


def test_gradient_by_finite_differences():
    logits = (2 * torch.randn(1, 3, 2, 2, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(self_information, logits)
    # An impossible class takes no part in it.
    masked = torch.cat([logits, torch.full_like(logits[:, :1], -math.inf)], dim=1)
    (gradient,) = torch.autograd.grad(entropy_map(masked).sum(), logits)
    (expected,) = torch.autograd.grad(entropy_map(logits).sum(), logits)
    torch.testing.assert_close(gradient, expected * math.log(3) / math.log(4))


def test_autocast_does_not_lower_the_precision():
    logits = 5 * torch.randn(1, 4, 8, 8)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = self_information(logits)
    assert torch.equal(found, self_information(logits))


@pytest.mark.parametrize('function', [self_information, entropy_map])
def test_a_single_class_is_refused(function):
    with pytest.raises(ValueError, match=r'at least two classes, but the scores have 1, .*\(2, 1,'):
        function(torch.zeros(2, 1, 4, 4))

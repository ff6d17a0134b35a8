import math

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from torch.distributions import Normal, kl_divergence

from label_efficient_seg.models.losses import GaussianKLLoss, gaussian_kl


def loop_kl(mean: np.ndarray, log_variance: np.ndarray, valid: np.ndarray) -> float:
    """The formula of the paper, pixel by pixel and channel by channel."""
    values = [
        -0.5 * (1 + log_variance[n, c, y, x] - mean[n, c, y, x] ** 2
                - math.exp(log_variance[n, c, y, x]))
        for n, c, y, x in np.ndindex(*mean.shape) if valid[n, y, x]
    ]  # fmt: skip
    return float(np.mean(values)) if values else 0.0


@pytest.mark.parametrize('share', [0, 0.05, 0.5, 1])
def test_mean_over_valid_pixels_and_channels_against_loops(share):
    mean, log_variance = torch.randn(2, 2, 3, 4, 5, dtype=torch.float64).unbind()
    valid = torch.rand(2, 4, 5) < share
    found = GaussianKLLoss(loss_weight=3)(mean, log_variance, valid)
    expected = 3 * loop_kl(mean.numpy(), log_variance.numpy(), valid.numpy())
    assert float(found) == pytest.approx(expected, abs=1e-12)


def test_equals_the_divergence_of_pytorch():
    mean, log_variance = torch.randn(2, 50, dtype=torch.float64).unbind()
    normal, standard = Normal(mean, (log_variance / 2).exp()), Normal(torch.zeros(()), 1)
    torch.testing.assert_close(gaussian_kl(mean, log_variance), kl_divergence(normal, standard))
    assert (gaussian_kl(torch.zeros(3), torch.zeros(3)) == 0).all()


def test_no_valid_pixel_gives_zero_loss_and_gradient():
    mean, log_variance = torch.randn(2, 1, 3, 2, 2, requires_grad=True).unbind()
    mean.retain_grad()
    loss = MODELS.build(dict(type='GaussianKLLoss'))(
        mean, log_variance, torch.zeros(1, 2, 2, dtype=torch.bool)
    )
    loss.backward()
    assert loss == 0 and (mean.grad == 0).all()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    mean = torch.full((1, 2, 3, 3), 300.0, dtype=dtype)  # its square is infinite in float16
    found = GaussianKLLoss()(mean, torch.zeros_like(mean), torch.ones(1, 3, 3, dtype=torch.bool))
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(float(mean[0, 0, 0, 0]) ** 2 / 2)

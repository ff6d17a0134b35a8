import math

import numpy as np
import pytest
import torch
from torch import Tensor

from label_efficient_seg.models.losses import AdversarialLoss


def loop_loss(logits: Tensor, real: bool, valid: Tensor | None, mode: str) -> float:
    """Mean over the valid positions, one by one."""
    values = []
    for index in np.ndindex(*logits.shape):
        logit = float(logits[index])
        if valid is not None and not valid[index]:
            continue
        if mode == 'lsgan':
            values.append((logit - float(real)) ** 2)
        else:
            probability = 1 / (1 + math.exp(-logit))
            values.append(-math.log(probability if real else 1 - probability))
    return sum(values) / len(values) if values else 0.0


@pytest.mark.parametrize('mode', ['bce', 'lsgan'])
@pytest.mark.parametrize('real', [False, True])
@pytest.mark.parametrize('masked', [False, True])
def test_against_loop(mode, real, masked):
    logits = 4 * torch.randn(2, 1, 5, 6)
    valid = torch.rand(logits.shape) < 0.4 if masked else None
    found = AdversarialLoss(mode)(logits, real, valid)
    assert float(found) == pytest.approx(loop_loss(logits, real, valid, mode), rel=1e-5)


@pytest.mark.parametrize('mode', ['bce', 'lsgan'])
def test_no_valid_position_gives_zero_with_zero_gradient(mode):
    logits = torch.randn(1, 1, 3, 3, requires_grad=True)
    loss = AdversarialLoss(mode)(logits, True, torch.zeros(1, 1, 3, 3, dtype=torch.bool))
    loss.backward()
    assert loss == 0 and not logits.grad.any()


@pytest.mark.parametrize('mode', ['bce', 'lsgan'])
def test_broken_values_outside_the_mask_do_not_matter(mode):
    logits = torch.tensor([1.0, torch.nan, torch.inf, -2.0])
    valid = torch.tensor([True, False, False, True])
    found = AdversarialLoss(mode)(logits, True, valid)
    assert float(found) == pytest.approx(loop_loss(logits, True, valid, mode), rel=1e-5)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('mode', ['bce', 'lsgan'])
def test_half_precision_inputs_are_computed_in_float32(mode, dtype):
    # Squares and sums beyond the range of float16.
    logits = torch.full((300, 300), 400.0, dtype=dtype)
    found = AdversarialLoss(mode)(logits, False)
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(400**2 if mode == 'lsgan' else 400)


@pytest.mark.parametrize('mode', ['bce', 'lsgan'])
def test_gradient_by_finite_differences(mode):
    logits = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    valid = torch.tensor([[True, False, True], [True, True, False]])
    loss = AdversarialLoss(mode)
    assert torch.autograd.gradcheck(lambda x: loss(x, True, valid), logits)


def test_extreme_logits_stay_finite():
    for real in (False, True):
        assert AdversarialLoss()(torch.tensor([1e4, -1e4]), real).isfinite()


def test_unknown_mode_is_named():
    with pytest.raises(ValueError, match=r"'wgan' is unknown; choose one of \['bce', 'lsgan'\]"):
        AdversarialLoss('wgan')

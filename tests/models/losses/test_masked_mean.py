import numpy as np
import pytest
import torch

from label_efficient_seg.models.losses import masked_mean


def loop_mean(values: np.ndarray, weight: np.ndarray) -> float:
    total = count = 0.0
    for value, w in zip(values.ravel(), np.broadcast_to(weight, values.shape).ravel(), strict=True):
        if w > 0:
            total += float(w) * float(value)
            count += float(w)
    return total / count if count else 0.0


@pytest.mark.parametrize('shape', [(5,), (2, 1, 3, 4), (1, 1, 3, 1)])
@pytest.mark.parametrize('boolean', [False, True])
def test_against_loop(shape, boolean):
    values, weight = torch.randn(2, 5, 3, 4)[..., :1].expand(2, 5, 3, 4), torch.rand(2, 5, 3, 4)
    if len(shape) == 1:
        values, weight = torch.randn(5), torch.rand(5)
    elif shape[0] == 2:
        values, weight = torch.randn(2, 5, 3, 4), torch.rand(shape)
    weight = weight > 0.4 if boolean else weight.where(weight > 0.3, 0)
    assert float(masked_mean(values, weight)) == pytest.approx(
        loop_mean(values.numpy(), weight.numpy()), abs=1e-6
    )


def test_empty_mask_gives_zero_with_zero_gradient():
    values = torch.randn(3, 4, requires_grad=True)
    loss = masked_mean(values, torch.zeros(3, 4, dtype=torch.bool))
    loss.backward()
    assert loss == 0 and torch.equal(values.grad, torch.zeros(3, 4))


def test_masked_out_values_do_not_matter():
    values = torch.tensor([1.0, torch.nan, 3.0, torch.inf], requires_grad=True)
    loss = masked_mean(values, torch.tensor([1.0, 0.0, 2.0, 0.0]))
    loss.backward()
    assert float(loss.detach()) == pytest.approx(7 / 3)
    torch.testing.assert_close(values.grad, torch.tensor([1 / 3, 0, 2 / 3, 0]))


def test_a_counted_nan_is_not_hidden():
    assert masked_mean(torch.tensor([1.0, torch.nan]), torch.tensor([1, 1])).isnan()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_neither_overflows_nor_rounds_the_count(dtype):
    # More positions than float16 can count, whose sum it cannot hold either.
    mean = masked_mean(torch.full((300, 301), 3.0, dtype=dtype), torch.ones(300, 301).bool())
    assert mean.dtype == torch.float32 and mean == 3


def test_gradient_by_finite_differences():
    values = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.tensor([[0.0, 1.0, 2.5], [0.3, 0.0, 1.0]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda v: masked_mean(v, weight), values)

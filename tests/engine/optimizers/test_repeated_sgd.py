import warnings

import pytest
import torch

from label_efficient_seg.engine.optimizers import RepeatedSGD


def gradients(steps=6, size=7):
    torch.manual_seed(0)
    return torch.randn(steps, size, dtype=torch.float64)


def run(optimizer, weight, series):
    path = []
    for gradient in series:
        weight.grad = gradient.clone()
        optimizer.step()
        path.append(weight.detach().clone())
    return torch.stack(path)


def start():
    torch.manual_seed(1)
    return torch.nn.Parameter(torch.randn(7, dtype=torch.float64))


@pytest.mark.parametrize('repeats', [1, 3, 4])
def test_rule_of_torch_2_is_that_of_a_parameter_listed_several_times(repeats):
    options = dict(lr=0.1, momentum=0.9, weight_decay=0.05)
    listed, weight = start(), start()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        sgd = torch.optim.SGD([dict(params=[listed] * repeats)], foreach=False, **options)
    ours = RepeatedSGD([weight], repeats=repeats, carry_over=False, **options)
    found, expected = run(ours, weight, gradients()), run(sgd, listed, gradients())
    torch.testing.assert_close(found, expected, atol=1e-15, rtol=1e-13)


@pytest.mark.parametrize('repeats', [1, 3, 4])
@pytest.mark.parametrize('momentum', [0.0, 0.9])
def test_rule_of_old_torch_is_the_loop_over_entries(repeats, momentum):
    lr, decay = 0.1, 0.05
    w, b, expected = start().tolist(), [0.0] * 7, []
    for gradient in gradients().tolist():
        for i in range(7):
            g = gradient[i]
            for _ in range(repeats):
                g += decay * w[i]  # in place: it is still there in the next repeat
                b[i] = momentum * b[i] + g
                w[i] -= lr * b[i]
        expected.append(list(w))
    weight = start()
    ours = RepeatedSGD([weight], lr, momentum, decay, repeats=repeats)
    found = run(ours, weight, gradients())
    torch.testing.assert_close(
        found, torch.tensor(expected, dtype=torch.float64), atol=1e-14, rtol=1e-13
    )


def test_gradients_stay_as_they_are():
    weight = start()
    optimizer = RepeatedSGD([weight], 0.1, 0.9, 0.5, repeats=3)
    weight.grad = gradients()[0]
    optimizer.step()
    assert torch.equal(weight.grad, gradients()[0])


def test_state_survives_saving_and_loading():
    series, first, second = gradients(), start(), start()
    whole = run(RepeatedSGD([first], 0.1, 0.9, 0.05, repeats=3), first, series)
    half = RepeatedSGD([second], 0.1, 0.9, 0.05, repeats=3)
    run(half, second, series[:3])
    rest = RepeatedSGD([second], 0.1, 0.9, 0.05, repeats=3)
    rest.load_state_dict(half.state_dict())
    assert torch.equal(run(rest, second, series[3:])[-1], whole[-1])


def test_no_repeats_are_refused():
    with pytest.raises(ValueError, match='repeats >= 1, got 0'):
        RepeatedSGD([dict(params=[start()], repeats=0)], 0.1)

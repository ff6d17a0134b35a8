import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn

from label_efficient_seg.engine.optimizers import AutocastOptimWrapper


def trained(kind: type, steps: int = 3, **kwargs) -> tuple[nn.Linear, torch.dtype]:
    """A layer after some steps, and the type of what it computed."""
    torch.manual_seed(0)
    layer = nn.Linear(5, 4)
    wrapper = kind(torch.optim.SGD(layer.parameters(), lr=0.1), **kwargs)
    for _ in range(steps):
        with wrapper.optim_context(layer):
            output = layer(torch.randn(6, 5))
        wrapper.update_params(output.float().square().sum())
    return layer, output.dtype


def by_hand(steps: int = 3) -> torch.Tensor:
    """The same weights, from factors rounded to bfloat16."""
    torch.manual_seed(0)
    layer = nn.Linear(5, 4)
    weight, bias = layer.weight.detach(), layer.bias.detach()
    for _ in range(steps):
        images = torch.randn(6, 5)
        rounded = [t.bfloat16().float() for t in (images, weight, bias)]
        output = (rounded[0] @ rounded[1].T + rounded[2]).bfloat16().float()
        gradient = (2 * output).bfloat16().float()
        weight = weight - 0.1 * (gradient.T @ rounded[0]).bfloat16().float()
        bias = bias - 0.1 * gradient.sum(0).bfloat16().float()
    return weight


def test_networks_compute_in_bfloat16_and_weights_stay_in_float32():
    layer, computed = trained(AutocastOptimWrapper)
    single, _ = trained(OptimWrapper)
    assert computed == torch.bfloat16 and layer.weight.dtype == torch.float32
    assert layer.weight.grad is None or layer.weight.grad.dtype == torch.float32
    expected = by_hand()
    torch.testing.assert_close(layer.weight.detach(), expected, atol=1e-6, rtol=0)
    # Nearer to the rounded steps than the steps in single precision are.
    distances = [(w.weight.detach() - expected).abs().max() for w in (layer, single)]
    assert distances[0] < distances[1]


@pytest.mark.parametrize('kind', [AutocastOptimWrapper, OptimWrapper])
def test_gradients_are_accumulated_and_clipped(kind):
    once, _ = trained(kind, accumulative_counts=3, clip_grad=dict(max_norm=1e-6))
    torch.manual_seed(0)
    start = nn.Linear(5, 4)
    pairs = zip(once.parameters(), start.parameters(), strict=True)
    moved = torch.cat([(after - before).flatten() for after, before in pairs])
    assert moved.norm().item() == pytest.approx(1e-7, rel=0.5)


def test_its_state_is_that_of_an_optimizer():
    layer = nn.Linear(5, 4)
    first, second = (
        kind(torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9))
        for kind in (AutocastOptimWrapper, OptimWrapper)
    )
    with first.optim_context(layer):
        loss = layer(torch.ones(1, 5)).float().sum()
    first.update_params(loss)
    second.load_state_dict(first.state_dict())
    assert second.state_dict().keys() == first.state_dict().keys()
    assert torch.equal(second.state_dict()['state'][0]['momentum_buffer'], torch.ones(4, 5))

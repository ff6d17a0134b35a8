"""Training with channels last in memory against training without."""

from types import SimpleNamespace

import torch

from label_efficient_seg.engine.hooks import ChannelsLastHook
from tests.models import tiny


def trained(channels_last: bool, steps: int = 3) -> tuple[torch.nn.Module, dict, list[bool]]:
    """The model, its last losses, and for each convolution whether its map had channels last."""
    torch.manual_seed(0)
    model = tiny.build_model().double().train()
    optimizers = tiny.build_optimizers(model)
    if channels_last:
        ChannelsLastHook().before_run(SimpleNamespace(model=model))
    orders = []

    def look(module, inputs, output):
        plain = output.is_contiguous()  # maps of one channel or position are both
        orders.append(output.is_contiguous(memory_format=torch.channels_last) and not plain)

    for step in range(steps):
        data = tiny.batches(seed=step, number=2)
        data = {
            name: dict(batch, inputs=[image.double() for image in batch['inputs']])
            for name, batch in data.items()
        }
        if step == steps - 1:
            for module in model.backbone.modules():
                if isinstance(module, (torch.nn.Conv2d, torch.nn.BatchNorm2d)):
                    module.register_forward_hook(look)
        log = model.train_step(data, optimizers)
    return model, log, orders


def test_feature_maps_have_channels_last_and_weights_end_the_same():
    expected, expected_log, before = trained(False)
    found, log, after = trained(True)
    assert not any(before) and len(before) == len(after) > 30 and all(after)
    for name, value in expected_log.items():
        torch.testing.assert_close(log[name], value, rtol=1e-9, atol=1e-12)
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], value, rtol=0, atol=1e-9)


def test_a_checkpoint_loads_with_and_without(tmp_path):
    found, _, _ = trained(True, steps=1)
    torch.save(found.state_dict(), tmp_path / 'weights.pth')
    plain = tiny.build_model().double()
    plain.load_state_dict(torch.load(tmp_path / 'weights.pth'))
    assert plain.backbone.conv1.weight.is_contiguous()
    for name, value in found.state_dict().items():
        assert torch.equal(plain.state_dict()[name], value)

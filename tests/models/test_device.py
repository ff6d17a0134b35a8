"""Train steps and their tensors stay on the device of the model.

With fake tensors, which know device and shape but no values, PyTorch computes on a CPU as if there
were a GPU. Operations on tensors of two devices fail, and so does whatever reads a value.
"""

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.structures import BaseDataElement
from mmseg.models.decode_heads import decode_head
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from label_efficient_seg.models.losses import MMDLoss

from . import tiny
from .test_no_host_sync import METHODS

DEVICE = torch.device('cuda', 0)


def on_host(data: object, mode: FakeTensorMode) -> object:
    """A batch as the dataloader yields it, of fake tensors in the host's memory."""
    if isinstance(data, Tensor):
        return mode.from_tensor(data)
    if isinstance(data, list):
        return [on_host(value, mode) for value in data]
    if isinstance(data, dict):
        return {name: on_host(value, mode) for name, value in data.items()}
    if isinstance(data, BaseDataElement):
        for name, value in data.items():
            data.set_field(on_host(value, mode), name)
    return data


@pytest.mark.parametrize('method', METHODS)
def test_train_step_stays_on_the_device(method, monkeypatch):
    # Gradients need a GPU. The log's accuracy and the sizes of MMD's groups are read on purpose.
    monkeypatch.setattr(OptimWrapper, 'backward', lambda self, loss, **kwargs: None)
    monkeypatch.setattr(decode_head, 'accuracy', lambda scores, labels, **kwargs: scores.sum())
    monkeypatch.setattr(MMDLoss, '_groups', lambda self, labels: [[row[:4]] for row in labels])
    model, optimizers, data = METHODS[method]()
    mode = FakeTensorMode()

    def fake(tensor: Tensor) -> Tensor:
        with mode:
            return torch.empty_strided(
                tensor.shape, tensor.stride(), dtype=tensor.dtype, device=DEVICE
            )

    model.train()._apply(fake)
    model.data_preprocessor._device = DEVICE
    data = on_host(data, mode)
    with mode:
        # The transfer step of SIGN alternates between two kinds.
        for iteration in range(2 if method == 'SIGN, transfer' else 1):
            log = tiny.train_step(model, iteration, data, optimizers)
    assert {value.device for value in log.values()} == {DEVICE}

"""No train step makes the host wait for the device, but where an exception says why.

A CPU waits for nothing, so this looks at what a GPU would have to hand over.
"""

import sys
from collections.abc import Callable
from functools import partial

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from . import test_affinity_net, tiny, tiny_adaptation, tiny_mixed, tiny_sign, tiny_views
from .plain_deconvnet import small

# Results whose value or size the host has to know.
READS = {
    getattr(torch.ops.aten, name)
    for name in (
        '_local_scalar_dense', '_unique2', 'bincount', 'is_nonzero', 'masked_select', 'nonzero',
        'repeat_interleave', 'unique_consecutive', 'unique_dim',
    )
}  # fmt: skip
# What copies tensors to the host, or lists to the device, and then waits.
COPIES = {'__array__', 'as_tensor', 'cpu', 'new_tensor', 'numpy', 'tensor', 'tolist'}
PACKAGES = ('label_efficient_seg', 'mmengine', 'mmcv', 'mmseg', 'torch/optim')

# Files, or functions in them, that may wait, and why.
ALLOWED = {
    'label_efficient_seg/models/losses/mmd_loss.py:_groups': 'sizes of groups, once in a step',
    'label_efficient_seg/models/segmentors/sign.py:_random_labels': 'two short lists of classes',
    'label_efficient_seg/ops/self_training.py:pseudo_labels': 'a short list of classes, twice',
    'label_efficient_seg/ops/zero_shot.py:hide_labels': 'a short list of classes',
    'mmseg/models/data_preprocessor.py': 'the order of the channels is a list',
    'torch/optim/optimizer.py:_get_value': "the step counter of Adam is in the host's memory",
}


class OperationSpy(TorchDispatchMode):
    """Notes operations that the host waits for, also those of backward passes."""

    def __init__(self, found: set[str]) -> None:
        super().__init__()
        self.found = found

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        operation = func.overloadpacket
        by_mask = operation.__name__.startswith('index') and any(
            isinstance(index, torch.Tensor) and index.dtype in (torch.bool, torch.uint8)
            for index in (args[1] if isinstance(args[1], (list, tuple)) else ())
        )
        if by_mask or operation in READS:
            self.found.add(f'{caller()} {operation.__name__}')
        return func(*args, **(kwargs or {}))


class CopySpy(TorchFunctionMode):
    """Notes copies that a CPU makes without any operation, or need not make."""

    def __init__(self, found: set[str]) -> None:
        super().__init__()
        self.found = found

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, '__name__', '')
        indices = args[1] if name in ('__getitem__', '__setitem__') else ()
        indices = indices if isinstance(indices, tuple) else (indices,)
        if name in COPIES or any(isinstance(index, list) for index in indices):
            self.found.add(f'{caller()} {name}')
        return func(*args, **(kwargs or {}))


def caller() -> str:
    """Innermost file and function of the stack or this package, but for this file."""
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename.replace('\\', '/')
        for package in PACKAGES:
            _, found, rest = file.rpartition(f'/{package}/')
            if found:
                return f'{package}/{rest}:{frame.f_code.co_name}'
        frame = frame.f_back
    return 'elsewhere'


def waits(step: Callable[[], object]) -> set[str]:
    """What a function does that the host waits for."""
    found: set[str] = set()
    with OperationSpy(found), CopySpy(found):
        step()
    return found


def allowed(place: str) -> bool:
    name = place.partition(' ')[0]
    return name in ALLOWED or name.partition(':')[0] in ALLOWED


def adaptation(type_: str) -> tuple:
    names = ('easy', 'hard') if type_ == 'IntraDA' else ('source', 'target')
    if type_ == 'MinEnt':
        cfg = tiny_adaptation.segmentor_cfg(type=type_)
    else:
        cfg = tiny_adaptation.advent_cfg(type=type_)
    model = tiny_adaptation.build_model(cfg)
    data = tiny_adaptation.batches(names=names)
    return model, tiny_adaptation.build_optimizers(model), data


def sign(**kwargs) -> tuple:
    model = tiny_sign.build_model(**kwargs)
    return model, tiny_sign.build_optimizers(model), tiny_sign.batch()


def one_stream(model: nn.Module, data: dict) -> tuple:
    return model, OptimWrapper(torch.optim.Adam(model.parameters())), data


def adv_semi_seg() -> tuple:
    model = tiny.build_model(discriminate_unlabeled=True)
    return model, tiny.build_optimizers(model), tiny.batches()


def weak_to_strong(method: str) -> tuple:
    model = tiny_views.build_model(method)
    return model, tiny_views.build_optimizers(model), tiny_views.batches()


def mixed_self_training(method: str) -> tuple:
    model = tiny_mixed.build_model(method)
    return model, tiny_mixed.build_optimizers(model), tiny_mixed.batches()


def affinity_net() -> tuple:
    labels = tiny.batch((7, 9), 2, 0, True)['data_samples']
    data = dict(tiny.batch((56, 72), 2, 0, True), data_samples=labels)
    return one_stream(test_affinity_net.build(), data)


def deconvnet() -> tuple:
    model = small(data_preprocessor=tiny.model_cfg().data_preprocessor)
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.momentum = 0.1  # the average of all batches reads their number
    return one_stream(model, tiny.batch((96, 96), 2, 0, True))


METHODS = {
    'AdvSemiSeg': adv_semi_seg,
    'ADVENT': lambda: adaptation('ADVENT'),
    'IntraDA': lambda: adaptation('IntraDA'),
    'MinEnt': lambda: adaptation('MinEnt'),
    'FixMatch': lambda: weak_to_strong('fixmatch'),
    'UniMatch': lambda: weak_to_strong('unimatch'),
    'UniMatch V2': lambda: weak_to_strong('unimatch_v2'),
    'MIC': lambda: mixed_self_training('mic'),
    'MIC, real images': lambda: mixed_self_training('mic_between_real_images'),
    'AffinityNet': affinity_net,
    'DeconvNet': deconvnet,
    'SIGN, training': sign,
    'SIGN, transfer': lambda: sign(step='transfer', interval=1, lambda_generator_transfer=1.0),
    'SIGN, self-training': lambda: sign(step='self_training'),
    'SIGN, thresholded': lambda: sign(step='self_training', confidence_threshold=0.2),
}


@pytest.mark.parametrize('method', METHODS)
def test_train_step_does_not_wait(method):
    model, optimizers, data = METHODS[method]()
    model.train()
    # The transfer step of SIGN alternates between two kinds.
    for iteration in range(4 if method == 'SIGN, transfer' else 3):
        found = waits(partial(tiny.train_step, model, iteration, data, optimizers))
        # At first, optimizers make what they remember.
        assert iteration < 2 or not {place for place in found if not allowed(place)}


class ReadsInBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * gradient.sum().item()


@pytest.mark.parametrize(
    ('function', 'operation'),
    [
        (lambda x: x.sum().item(), '_local_scalar_dense'),
        (lambda x: bool(x.any()), '_local_scalar_dense'),
        (lambda x: x if x.sum() > 0 else -x, '_local_scalar_dense'),
        (lambda x: x[x > 0], 'index'),
        (lambda x: x.clone().index_put_((x > 0,), x.new_ones(())), 'index_put_'),
        (lambda x: (x > 0).nonzero(), 'nonzero'),
        (lambda x: x.unique(), '_unique2'),
        (lambda x: x.masked_select(x > 0), 'masked_select'),
        (lambda x: x.tolist(), 'tolist'),
        (lambda x: x.detach().cpu(), 'cpu'),
        (lambda x: x.detach().numpy(), 'numpy'),
        (lambda x: x[[1, 0]], '__getitem__'),
        (lambda x: x.new_tensor([1.0]), 'new_tensor'),
        (lambda x: torch.tensor([1.0]), 'tensor'),
        (lambda x: ReadsInBackward.apply(x).sum().backward(), '_local_scalar_dense'),
    ],
)
def test_spies_see_what_waits(function, operation):
    x = torch.tensor([1.0, -1.0, 2.0], requires_grad=True)
    assert {place.partition(' ')[2] for place in waits(lambda: function(x))} == {operation}


def test_spies_let_pass_what_does_not_wait():
    x, order = torch.randn(3, 4, requires_grad=True), torch.tensor([2, 0])

    def step() -> None:
        y = torch.where(x > 0, x, 0).masked_fill(x < -1, 1)[:, 1:].clone()
        y[:2, :1] = 0
        (y[order].sum() / (y > 0).sum().clamp(min=1)).backward()

    assert not waits(step)

"""What the parts of the GPU report share: settings, train steps to compare, and randomness."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from train_case import TOYS, build, train_step, wrappers_of

Row = dict[str, Any]


@dataclass(frozen=True)
class Settings:
    """What is compared and measured.

    Attributes:
        device (str): ``'cuda'``, or ``'cpu'`` to try the report itself.
        smoke (bool): Whether to do as little as possible of each part.
        methods (tuple[str]): Names of train_case.py's toys.
        work_dir (str): Folder for trainings.
    """

    device: str = 'cuda'
    smoke: bool = False
    methods: tuple[str, ...] = tuple(TOYS)
    work_dir: str = 'work_dirs/gpu_trainings'

    def toy(self, device: str | None = None, **changes: object) -> argparse.Namespace:
        """Arguments of train_case.py for the toys."""
        size, batch, channels = ((49, 49), 2, 8) if self.smoke else ((113, 113), 8, 32)
        found = dict(
            size=size, batch=batch, channels=channels, device=device or self.device, threads=None,
            joint=False, frozen_bn=False,
        )  # fmt: skip
        return argparse.Namespace(**found | changes)


@dataclass
class Case:
    """A model in training, with data."""

    model: nn.Module
    optimizers: OptimWrapper | OptimWrapperDict
    data: dict
    iteration: int = 0

    def step(self) -> dict[str, Tensor]:
        """One iteration; its randomness follows from its number, as in a training."""
        torch.manual_seed(self.iteration)
        log = train_step(self.model, self.iteration, self.data, self.optimizers)
        self.iteration += 1
        return log


def toy(method: str, args: argparse.Namespace, amp: str | bool = False) -> Case:
    """A method on the toy network, without dropout, whose masks differ between devices."""
    config, changes = TOYS[method]
    model, optimizers, data = build(config, args, amp, **changes)
    for module in model.modules():
        if isinstance(module, nn.Dropout | nn.Dropout2d):
            module.p = 0.0
    return Case(model, optimizers, data)


def trained(case: Case, iterations: int = 2) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Losses and gradients of some iterations.

    Returns:
        tuple[dict, dict]: Losses and, for each optimizer, all its gradients in one row, both by
        name and iteration.
    """
    losses, gradients = {}, {}
    for iteration in range(iterations):
        with taken_gradients(case.optimizers) as found, HostRandomness():
            log = case.step()
        for name, value in log.items():
            if 'loss' in name:
                losses[f'{name} {iteration}'] = float(value.detach())
        gradients.update({f'{name} {iteration}': row for name, row in found.items()})
    return losses, gradients


@contextmanager
def taken_gradients(optimizers: OptimWrapper | OptimWrapperDict) -> Iterator[dict[str, Tensor]]:
    """Gradients that optimizers step with while the block runs, in float64 on the host."""
    found: dict[str, Tensor] = {}
    handles = []
    for name, wrapper in wrappers_of(optimizers).items():

        def take(optimizer: torch.optim.Optimizer, *_: object, name: str = name) -> None:
            grads = [p.grad for group in optimizer.param_groups for p in group['params']]
            found[name] = torch.cat([g.double().cpu().flatten() for g in grads if g is not None])

        handles.append(wrapper.optimizer.register_step_pre_hook(take))
    yield found
    for handle in handles:
        handle.remove()


def difference(found: Mapping[str, Any], expected: Mapping[str, Any]) -> tuple[float, str]:
    """The largest relative difference of two sets of numbers or tensors, and where it is.

    Of tensors it is that of norms, ``|a - b| / |b|``. What differs in its names is infinite.
    """
    if found.keys() != expected.keys():
        return float('inf'), ' '.join(sorted(found.keys() ^ expected.keys()))
    worst = (0.0, '')
    for name, value in expected.items():
        a, b = (torch.as_tensor(v).detach().double().cpu() for v in (found[name], value))
        one = float((a - b).norm() / b.norm().clamp(min=1e-12))
        one = float('inf') if one != one else one
        worst = max(worst, (one, str(name)))
    return worst


class HostRandomness(TorchDispatchMode):
    """Draws random numbers in float32 on the host, whatever device, precision and memory format."""

    DRAWS = (
        'bernoulli', 'bernoulli_', 'multinomial', 'normal_', 'rand', 'rand_like', 'randint',
        'randn', 'randn_like', 'randperm', 'uniform_',
    )  # fmt: skip

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        name = func.overloadpacket.__name__
        if name not in self.DRAWS:
            return func(*args, **kwargs)
        tensors = [t for t in tree_leaves(args) if isinstance(t, Tensor)]
        device = kwargs.get('device') or (tensors[0].device if tensors else 'cpu')
        kwargs |= {'device': torch.device('cpu')} if 'device' in kwargs else {}
        drawn = func(*tree_map(plain, args), **kwargs)
        if name.endswith('_'):
            return args[0].copy_(drawn)
        return drawn.to(device, tensors[0].dtype if name.endswith('_like') else drawn.dtype)


def plain(value: object) -> object:
    """A tensor in float32, or its own integers, contiguous on the host; others as they are."""
    if not isinstance(value, Tensor):
        return value
    value = value.float() if value.is_floating_point() else value
    return value.to('cpu', memory_format=torch.contiguous_format, copy=True)


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Whether float32 products may be rounded to TF32 while the block runs; no matter on a CPU."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def caller() -> str:
    """Innermost file and function of this package or its stack that runs now."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename.replace('\\', '/')
        for package in ('label_efficient_seg', 'mmengine', 'mmseg', 'torch/optim', 'torch/amp'):
            _, found, rest = file.rpartition(f'/{package}/')
            if found:
                return f'{package}/{rest}:{frame.f_code.co_name}'
        frame = frame.f_back
    return 'elsewhere'


def repeated(function: Callable[[], object], number: int) -> Callable[[], None]:
    """A function that calls another one some times."""

    def calls() -> None:
        for _ in range(number):
            function()

    return calls

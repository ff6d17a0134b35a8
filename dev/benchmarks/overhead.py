"""What train steps cost beyond their networks: python dev/benchmarks/overhead.py.

The networks alone are forward and backward passes of what a step sends through them: same inputs,
same gradients needed, no losses, masks, resizing or optimizers. Both are timed in turns.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from measuring import Table, add_common_arguments, image_size, synchronize, write_results
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map
from train_case import PAPERS, TOYS, build, networks, train_step, wrappers_of

COLUMNS = {
    'method': '',
    'networks ms': '.1f',
    'optimizers ms': '.1f',
    'step ms': '.1f',
    'step / networks': '.3f',
    'overhead': '.1%',
}


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Measure a train step of the toy networks, or with --paper of the published '
        'ones, with random weights, on random images, and the forward and backward passes of its '
        'networks alone. On a CPU the time is that of the processor, in one thread, so that other '
        'work on the machine matters less. Each number is the median of the repeats; the overhead '
        'is what the step takes beyond networks and optimizers, in parts of the networks.'
    )
    parser.add_argument('--methods', nargs='+', choices=TOYS, help='default: all')
    parser.add_argument(
        '--paper', action='store_true', help='networks and sizes of the papers, two images a stream'
    )
    parser.add_argument('--size', type=image_size, default=(113, 113), metavar='WIDTHxHEIGHT')
    parser.add_argument('--batch', type=int, help='images of each stream (default: 8; paper: 2)')
    parser.add_argument('--channels', type=int, default=32, help='of the first layer')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--channels-last', action='store_true', help='as with ChannelsLastHook')
    parser.set_defaults(joint=False, frozen_bn=False)
    add_common_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Measure the methods, and print a table."""
    args = parse_args()
    if args.device == 'cpu':
        args.threads = 1
    args.batch = args.batch or (2 if args.paper else 8)
    table = Table(COLUMNS)
    for method in args.methods or (PAPERS if args.paper else TOYS):
        table.add(**measure(method, args))
    write_results(args, table.rows)


def measure(method: str, args: argparse.Namespace) -> dict[str, Any]:
    """A row of the table."""
    if args.paper:
        config, args.size, _, changes = PAPERS[method]
        args.channels = None
    else:
        config, changes = TOYS[method]
    model, optimizers, data = build(config, args, **changes)
    if args.channels_last:
        model.to(memory_format=torch.channels_last)
    # The transfer step of SIGN alternates between two kinds.
    iterations = range(2 if method == 'sign-transfer' else 1)

    def step() -> None:
        for iteration in iterations:
            train_step(model, iteration + 2, data, optimizers)

    step()  # makes what the optimizers remember
    with noted_passes(model, optimizers) as passes:
        step()

    inputs = [t for one in passes if one for t in tree_leaves(one.inputs) if isinstance(t, Tensor)]

    def alone() -> None:
        repeat(passes)
        for tensor in inputs:
            tensor.grad = None
        model.zero_grad()

    alone()
    times: dict[str, list[float]] = dict(networks=[], optimizers=[], step=[])
    with timed_optimizers(optimizers, args.device) as spent:
        for _ in range(args.repeats):
            times['networks'].append(seconds(alone, args.device))
            spent.clear()
            times['step'].append(seconds(step, args.device))
            times['optimizers'].append(sum(spent))
    # Of pairs, as the machine may become slower in between.
    rates = zip(times['step'], times['optimizers'], times['networks'], strict=True)
    overhead = statistics.median((total - update) / pure - 1 for total, update, pure in rates)
    median = {name: 1e3 * statistics.median(found) for name, found in times.items()}
    return {
        'method': method,
        'networks ms': median['networks'],
        'optimizers ms': median['optimizers'],
        'step ms': median['step'],
        'step / networks': median['step'] / median['networks'],
        'overhead': overhead,
    }


@dataclass
class Pass:
    """A forward pass of a network within a step."""

    network: nn.Module
    inputs: tuple
    differentiable: bool
    frozen: bool

    def forward(self) -> list[Tensor]:
        """Outputs that have gradients."""
        trainable = [p for p in self.network.parameters() if p.requires_grad]
        for parameter in trainable if self.frozen else ():
            parameter.requires_grad_(False)
        with torch.set_grad_enabled(self.differentiable):
            found = self.network(*self.inputs)
        for parameter in trainable:
            parameter.requires_grad_(True)
        return [t for t in tree_leaves(found) if isinstance(t, Tensor) and t.requires_grad]


def repeat(passes: list[Pass | None]) -> None:
    """Forward passes, and the backward pass of all before wherever the step has one."""
    outputs: list[Tensor] = []
    for one in passes:
        if one is not None:
            outputs += one.forward()
            continue
        torch.autograd.backward(outputs, [torch.ones_like(t) for t in outputs])
        outputs.clear()


@contextmanager
def noted_passes(
    model: nn.Module, optimizers: OptimWrapper | OptimWrapperDict
) -> Iterator[list[Pass | None]]:
    """The passes of the networks of a model while the block runs; None is a backward pass."""
    passes: list[Pass | None] = []

    def leaf(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        return value.detach().clone().requires_grad_(value.requires_grad)

    def watch(network: nn.Module) -> None:
        forward = network.forward  # some heads call it themselves

        def noted(*inputs: Any) -> Any:
            output = forward(*inputs)
            outputs = [t for t in tree_leaves(output) if isinstance(t, Tensor)]
            differentiable = any(t.requires_grad for t in outputs)
            frozen = not any(p.requires_grad for p in network.parameters())
            passes.append(Pass(network, tree_map(leaf, inputs), differentiable, frozen))
            return output

        network.forward = noted

    def watch_backward(wrapper: OptimWrapper) -> None:
        backward = wrapper.backward

        def noted(*inputs: Any, **kwargs: Any) -> None:
            passes.append(None)
            backward(*inputs, **kwargs)

        wrapper.backward = noted

    for network in networks(model):
        watch(network)
    for wrapper in wrappers_of(optimizers).values():
        watch_backward(wrapper)
    yield passes
    for network in networks(model):
        del network.forward
    for wrapper in wrappers_of(optimizers).values():
        del wrapper.backward


@contextmanager
def timed_optimizers(
    optimizers: OptimWrapper | OptimWrapperDict, device: str
) -> Iterator[list[float]]:
    """Seconds of the steps of the optimizers while the block runs."""
    spent: list[float] = []
    started: list[float] = []
    handles = []
    for wrapper in wrappers_of(optimizers).values():
        optimizer = wrapper.optimizer
        handles += [
            optimizer.register_step_pre_hook(lambda *_: started.append(now(device))),
            optimizer.register_step_post_hook(lambda *_: spent.append(now(device) - started.pop())),
        ]
    yield spent
    for handle in handles:
        handle.remove()


def seconds(function: Callable[[], None], device: str) -> float:
    """Time that a function takes."""
    start = now(device)
    function()
    return now(device) - start


def now(device: str) -> float:
    """Time of the processor on a CPU, else that of the clock, once the device is idle."""
    synchronize(device)
    return time.process_time() if device == 'cpu' else time.perf_counter()


if __name__ == '__main__':
    main()

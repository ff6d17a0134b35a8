"""Speed of the methods' train steps: python dev/benchmarks/train_step.py --threads 2.

Each is compared with a plain rendering of its algorithm, see plain_steps.py, in processes of their
own, after a check that both compute equal losses.
"""

import argparse
import math
import statistics
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

import torch
from measuring import (
    Table,
    add_common_arguments,
    image_size,
    in_own_process,
    synchronize,
    timed,
    with_peak_memory,
    write_results,
)
from mmengine.optim import OptimWrapper, OptimWrapperDict
from plain_sign import PlainSIGN
from plain_steps import (
    PlainADVENT,
    PlainAdvSemiSeg,
    PlainAffinityNet,
    PlainDeconvNet,
    PlainMinEnt,
    PlainStep,
)
from torch import nn
from train_case import (
    PAPERS,
    TOYS,
    build,
    discriminators,
    networks,
    streams_of,
    train_step,
    wrappers_of,
)

PLAIN = {
    'advsemi': PlainAdvSemiSeg,
    'advent': PlainADVENT,
    'minent': PlainMinEnt,
    'affinitynet': PlainAffinityNet,
    'deconvnet': PlainDeconvNet,
    'sign-training': PlainSIGN,
    'sign-transfer': PlainSIGN,
    'sign-self-training': PlainSIGN,
}
KINDS = ('ours', 'plain')
PARTS = ('forward', 'backward', 'discriminator', 'optimizer', 'loss')
COLUMNS = {
    'method': '',
    'images/s': '.2f',
    'plain images/s': '.2f',
    'ratio': '.2f',
    'MiB': '.0f',
    'plain MiB': '.0f',
    **{part: '.0%' for part in PARTS},
    'loss difference': '.0e',
}
TOLERANCE = 1e-4


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Measure a train step of the toy networks, or with --paper of the published '
        'ones, with random weights, on random images. Images are those of all streams. Both steps '
        'run in turns; rates are medians, and the ratio is that of the pairs. One thread of a CPU '
        'counts the time of the processor, so that other work on the machine matters less. Memory '
        'is the largest during the first two steps beyond that of the model (on a CPU, what they '
        'add to the process; Linux only). The shares of time are those of the method: of the '
        'networks but D, of the gradients and steps of these, of D with its gradients, of all '
        'optimizers, and of losses, masks, resizing and preparing the images. For SIGN, losses are '
        'compared with MMD over the pixels of a class, and time with MMD over runs of pixels.'
    )
    parser.add_argument('--methods', nargs='+', choices=PLAIN, default=list(PLAIN))
    parser.add_argument(
        '--paper', action='store_true', help='networks and sizes of the papers, two images a stream'
    )
    parser.add_argument(
        '--size', type=image_size, metavar='WIDTHxHEIGHT', help='default: 113x113; paper: its own'
    )
    parser.add_argument('--batch', type=int, help='images of each stream (default: 8; paper: 2)')
    parser.add_argument('--channels', type=int, default=32, help='of the first layer')
    parser.add_argument('--iterations', type=int, default=4, help='of a run, an even number')
    parser.add_argument('--repeats', type=int, default=5, help='runs')
    parser.add_argument(
        '--amp', choices=['ours', 'both'], help='bfloat16 in our step or in both, not in the check'
    )
    parser.add_argument(
        '--channels-last',
        action='store_true',
        help='of ours, as with ChannelsLastHook',
    )
    parser.add_argument(
        '--fused', action='store_true', help='of ours: optimizers with `fused=True`'
    )
    parser.add_argument('--compile', action='store_true', help='of both; no shares of time then')
    parser.add_argument(
        '--frozen-bn', action='store_true', help='of both: running statistics, where there are any'
    )
    parser.add_argument(
        '--joint',
        action='store_true',
        help='both streams of ours go through the backbone as one batch; with --frozen-bn, and for '
        'methods with two streams only',
    )
    parser.add_argument('--device', default='cpu')
    add_common_arguments(parser)
    args = parser.parse_args()
    args.batch = args.batch or (2 if args.paper else 8)
    if args.paper:
        args.channels = None
        if missing := {*args.methods} - {*PAPERS}:
            parser.error(f'--paper knows no sizes of {", ".join(sorted(missing))}')
    if args.iterations % 2:
        parser.error('--iterations must be even: the transfer step of SIGN has two kinds by turns')
    if args.joint and not (args.frozen_bn and {'advsemi', 'advent', 'minent'} >= {*args.methods}):
        parser.error('--joint needs --frozen-bn and --methods advsemi, advent or minent')
    return args


def main() -> None:
    """Check and measure the methods, and print a table."""
    args = parse_args()
    table = Table(COLUMNS)
    for method in args.methods:
        name, difference = in_own_process(largest_difference, method, args)
        if not difference <= TOLERANCE:
            raise SystemExit(
                f"{method}: '{name}' differs from the plain rendering by {difference:.1e}, which "
                f'is more than {TOLERANCE}; times of different things are not compared'
            )
        memory, plain_memory = (in_own_process(peak, method, kind, args) for kind in KINDS)
        rates, ratio, shares = in_own_process(measure, method, args)
        row = dict(method=method, ratio=ratio, MiB=memory, plain_MiB=plain_memory)
        row.update({'images/s': rates['ours'], 'plain images/s': rates['plain']})
        table.add(**row, **shares, loss_difference=difference)
    write_results(args, table.rows)


def case(method: str, args: argparse.Namespace, amp: bool = False) -> tuple:
    """Model, optimizers and data of a method, see :func:`train_case.build`."""
    if not args.paper:
        args.size = args.size or (113, 113)
        return build(TOYS[method][0], args, amp)
    config, size, _, changes = PAPERS[method]
    sized = argparse.Namespace(**vars(args) | dict(size=args.size or size))
    return build(config, sized, amp, **changes)


def peak(method: str, kind: str, args: argparse.Namespace) -> float | None:
    """Memory of two steps, in MiB."""
    run, _ = runs(method, kind, args)
    return with_peak_memory(lambda: run(2), args.device)[1]


def measure(method: str, args: argparse.Namespace) -> tuple[dict[str, float], float, dict]:
    """Images per second of both kinds, the ratio of the two, and shares of the time of ours."""
    both = {kind: runs(method, kind, args) for kind in KINDS}
    for run, _ in both.values():
        run(2)
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    # In turns, as the machine may become slower in between.
    for _ in range(args.repeats):
        for kind, (run, _) in both.items():
            turn = partial(run, args.iterations)
            seconds[kind].append(timed(turn, args.device, args.threads))
    ratio = statistics.median(
        plain / ours for ours, plain in zip(seconds['ours'], seconds['plain'], strict=True)
    )
    run, (model, optimizers, data) = both['ours']
    images = args.iterations * sum(len(stream['inputs']) for stream in streams_of(data))
    rates = {kind: images / statistics.median(found) for kind, found in seconds.items()}
    shares = {}
    if not args.compile:
        parts = Parts(args.device)
        parts.watch(model, optimizers)
        shares = parts.shares(partial(run, args.iterations))
    return rates, ratio, shares


def runs(method: str, kind: str, args: argparse.Namespace) -> tuple[Callable[[int], None], tuple]:
    """What takes a number of steps, and model, optimizers and data."""
    plain = kind == 'plain'
    amp = args.amp == 'both' or (args.amp == 'ours' and not plain)
    model, optimizers, data = case(method, args, amp)
    if args.channels_last and not plain:
        model.to(memory_format=torch.channels_last)
    if args.fused and not plain:
        for wrapper in wrappers_of(optimizers).values():
            for group in wrapper.optimizer.param_groups:
                group['fused'] = True
    if args.compile:
        for network in networks(model):
            network.compile()
    step = plain_step(method, model, optimizers, amp) if plain else None

    def run(iterations: int) -> None:
        for iteration in range(iterations):
            step(data) if step else train_step(model, iteration, data, optimizers)

    return run, (model, optimizers, data)


def largest_difference(method: str, args: argparse.Namespace) -> tuple[str, float]:
    """Name and relative difference of the loss that differs most, in two iterations."""
    separate = argparse.Namespace(**vars(args) | dict(joint=False))
    other, other_optimizers, _ = case(method, separate)
    model, optimizers, data = case(method, args)
    plain = plain_step(method, other, other_optimizers)
    for module in [*model.modules(), *other.modules()]:
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    if isinstance(plain, PlainSIGN):
        plain.runs = False
        model.loss_mmd.max_samples = None
    differences = {'': 0.0}
    for iteration in range(2):
        torch.manual_seed(iteration)
        expected = plain(data)
        torch.manual_seed(iteration)
        found = train_step(model, iteration, data, optimizers)
        for name, value in expected.items():
            difference = abs(float(found[name].detach()) - value) / max(abs(value), 1e-12)
            # NaN is larger than nothing.
            difference = math.inf if math.isnan(difference) else difference
            differences[name] = max(differences.get(name, 0.0), difference)
    name = max(differences, key=differences.get)
    return name, differences[name]


def plain_step(
    method: str, model: nn.Module, optimizers: OptimWrapper | OptimWrapperDict, amp: bool = False
) -> PlainStep:
    """The plain rendering, with the very optimizers of the model."""
    return PLAIN[method](
        model, {name: wrapper.optimizer for name, wrapper in wrappers_of(optimizers).items()}, amp
    )


class Parts:
    """Measures how long the parts of a train step take, each without the parts inside it.

    Args:
        device (str): Of the model.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.seconds: Counter[str] = Counter()
        self.running = ['loss']

    def watch(self, model: nn.Module, optimizers: OptimWrapper | OptimWrapperDict) -> None:
        """Say what belongs to which part; the rest is ``loss``."""
        judges = discriminators(model)
        for network in networks(model):
            self._watch(network, 'forward', 'discriminator' if network in judges else 'forward')
        for name, wrapper in wrappers_of(optimizers).items():
            part = 'discriminator' if name == 'discriminator' else 'backward'
            self._watch(wrapper, 'backward', part)
            self._watch(wrapper, 'step', 'optimizer')
            self._watch(wrapper, 'zero_grad', 'optimizer')

    def shares(self, function: Callable) -> dict[str, float]:
        """Shares of the time of a function."""
        self.seconds.clear()
        self._start = self._now()
        function()
        self._account()
        total = sum(self.seconds.values())
        return {part: self.seconds[part] / total for part in PARTS}

    def _watch(self, owner: object, name: str, part: str) -> None:
        function = getattr(owner, name)

        def watched(*args, **kwargs):
            self._account()
            self.running.append(part)
            try:
                return function(*args, **kwargs)
            finally:
                self._account()
                self.running.pop()

        setattr(owner, name, watched)

    def _now(self) -> float:
        synchronize(self.device)
        return time.perf_counter()

    def _account(self) -> None:
        now = self._now()
        self.seconds[self.running[-1]] += now - self._start
        self._start = now


if __name__ == '__main__':
    main()

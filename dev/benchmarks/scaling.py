"""What a second process brings: python dev/benchmarks/scaling.py --threads 1."""

import argparse
import os
import socket
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from unittest import mock

import torch
import torch.distributed as dist
from measuring import Table, add_common_arguments, image_size, write_results
from mmengine.config import ConfigDict
from mmengine.dist import all_reduce_params
from mmengine.registry import MODEL_WRAPPERS
from torch import multiprocessing, nn
from train_case import PAPERS, TOYS, build, streams_of, train_step

from label_efficient_seg.core.config_index import get_config
from label_efficient_seg.models.segmentors import stream_encoder_decoder
from label_efficient_seg.models.wrappers import StreamDataParallel

MODES = ('alone', 'apart', 'after', 'during')
COLUMNS = {'method': '', 'processes': '', **dict.fromkeys(MODES, '.2f')}
COLUMNS |= {'efficiency': '.0%', 'of apart': '.0%', 'of after': '.0%'}


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Measure a train step of the toy networks, or with --paper of the published '
        'ones, with random weights, on random images, in several processes with a batch of the '
        'same size each. They take turns: one trains alone; all train apart, without a message; '
        'they average their gradients after the backward pass, by all_reduce_params of MMEngine; '
        'and during it, as this package does. Rates are images/s of all together, medians of the '
        'runs; efficiency is the last rate over that of as many processes alone, by the median of '
        'all turns. What processes lose already apart is lost to the memory and the clock that '
        'they share. On a CPU each process should have its own cores: --threads times --processes '
        'of them.'
    )
    parser.add_argument('--methods', nargs='+', choices=TOYS, default=list(TOYS))
    parser.add_argument('--processes', type=int, default=2)
    parser.add_argument('--paper', action='store_true', help='networks and sizes of the papers')
    parser.add_argument(
        '--size', type=image_size, metavar='WIDTHxHEIGHT', help='default: 113x113; paper: its own'
    )
    parser.add_argument(
        '--batch', type=int, help='images of each stream and process (default: 8; paper: 2)'
    )
    parser.add_argument('--channels', type=int, default=32, help='of the first layer')
    parser.add_argument('--iterations', type=int, default=4, help='of a turn')
    parser.add_argument('--repeats', type=int, default=5, help='turns of each')
    parser.add_argument('--device', choices=['cpu', 'cuda'], default='cpu')
    add_common_arguments(parser)
    args = parser.parse_args()
    args.batch = args.batch or (2 if args.paper else 8)
    return args


def main() -> None:
    """Measure the methods one after the other, and print a table."""
    args = parse_args()
    os.environ.setdefault('OMP_WAIT_POLICY', 'passive')
    os.environ.setdefault('PYTHONWARNINGS', 'ignore')
    table = Table(COLUMNS)
    for method in args.methods:
        table.add(**measure(method, args))
    write_results(args, table.rows)


def measure(method: str, args: argparse.Namespace) -> dict[str, str | float]:
    """A row of the table."""
    turns = in_processes(turns_of, method, args)

    def share(mode: str, factor: int = 1) -> float:
        pairs = zip(turns['during'], turns[mode], strict=True)
        return statistics.median(during / rate / factor for during, rate in pairs)

    row = {mode: statistics.median(rates) for mode, rates in turns.items()}
    row |= dict(efficiency=share('alone', args.processes), of_apart=share('apart'))
    if 'after' in turns:
        row['of_after'] = share('after')
    return dict(method=method, processes=args.processes, **row)


def turns_of(method: str, args: argparse.Namespace) -> dict[str, list[float]]:
    """Images per second of all processes together, by mode, in each turn."""
    args = argparse.Namespace(**vars(args), frozen_bn=False, joint=False)
    if args.paper:
        config, size, _, changes = PAPERS[method]
        args.channels = None
    else:
        (config, changes), size = TOYS[method], (113, 113)
    args.size = args.size or size
    model, optimizers, data = build(config, args, **changes)
    wrapper = get_config(config).get(
        'model_wrapper_cfg', ConfigDict(type='MMDistributedDataParallel')
    )
    wrapped = MODEL_WRAPPERS.build(dict(wrapper, module=model))
    images = args.iterations * sum(len(stream['inputs']) for stream in streams_of(data))
    # PyTorch's wrapper knows no other moment to average.
    modes = [m for m in MODES if m != 'after' or isinstance(wrapped, StreamDataParallel)]
    turns: dict[str, list[float]] = {mode: [] for mode in modes}
    for _ in range(args.repeats + 1):
        for mode, seconds in turns.items():
            network = model if mode in ('alone', 'apart') else wrapped
            dist.barrier()
            start = time.perf_counter()
            if mode != 'alone' or dist.get_rank() == 0:
                with averaging(mode):
                    for iteration in range(args.iterations):
                        train_step(network, iteration, data, optimizers)
            # All have to be there before it counts.
            dist.barrier()
            seconds.append(time.perf_counter() - start)
    numbers = {mode: 1 if mode == 'alone' else args.processes for mode in modes}
    return {m: [images * numbers[m] / s for s in turns[m][1:]] for m in modes}


def in_processes(function: Callable, *arguments: Any) -> Any:
    """Result of a function in the first of several processes that all call it.

    Args:
        function (Callable): Its last argument has ``processes``, ``device`` and ``threads``.
        *arguments: Its arguments.
    """
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    queue = multiprocessing.get_context('spawn').SimpleQueue()
    processes = arguments[-1].processes
    multiprocessing.spawn(worker, (port, function, arguments, queue), nprocs=processes)
    return queue.get()


def worker(
    rank: int, port: int, function: Callable, arguments: tuple, queue: multiprocessing.SimpleQueue
) -> None:
    """One of the processes."""
    args = arguments[-1]
    if args.threads:
        torch.set_num_threads(args.threads)
    if args.device == 'cuda':
        torch.cuda.set_device(rank)
    dist.init_process_group(
        'gloo' if args.device == 'cpu' else 'nccl',
        init_method=f'tcp://127.0.0.1:{port}',
        rank=rank,
        world_size=args.processes,
    )
    result = function(*arguments)
    if rank == 0:
        queue.put(result)
    dist.destroy_process_group()


def averaging(mode: str) -> AbstractContextManager:
    """How processes meet in a train step: not at all, or with what moment for the gradients."""

    @contextmanager
    def after(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
        yield
        all_reduce_params([p.grad for p in parameters if p.grad is not None], op='mean')

    if mode == 'during':
        return nullcontext()
    if mode == 'after':
        return mock.patch.object(stream_encoder_decoder, 'averaged_gradients', after)
    # Losses count labeled pixels over all processes, too.
    return mock.patch.object(dist, 'is_initialized', return_value=False)


if __name__ == '__main__':
    main()

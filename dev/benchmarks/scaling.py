"""What a second process brings: python dev/benchmarks/scaling.py --threads 1."""

import argparse
import os
import socket
import time

import torch
import torch.distributed as dist
from measuring import Table, add_common_arguments, image_size, write_results
from mmengine.config import ConfigDict
from mmengine.registry import MODEL_WRAPPERS
from torch import multiprocessing
from train_case import PAPERS, TOYS, build, streams_of, train_step

from label_efficient_seg.core.config_index import get_config

COLUMNS = {
    'method': '',
    'processes': '',
    'images/s': '.2f',
    'times': '.2f',
    'efficiency': '.0%',
    'apart images/s': '.2f',
    'of apart': '.0%',
}


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Measure a train step of the toy networks, or with --paper of the published '
        'ones, with random weights, on random images, in one process and in several that average '
        'their gradients. Each has a batch of the same size. The rate is that of all together, by '
        'the fastest of several runs; the efficiency is the rate over that of as many single '
        'processes. Processes apart train side by side without a word: what they lose is lost to '
        'the memory and the clock that they share. On a CPU each process should have its own '
        'cores: --threads times --processes of them.'
    )
    parser.add_argument('--methods', nargs='+', choices=TOYS, default=list(TOYS))
    parser.add_argument('--processes', nargs='+', type=int, default=[1, 2])
    parser.add_argument('--paper', action='store_true', help='networks and sizes of the papers')
    parser.add_argument(
        '--size', type=image_size, metavar='WIDTHxHEIGHT', help='default: 113x113; paper: its own'
    )
    parser.add_argument(
        '--batch', type=int, help='images of each stream and process (default: 8; paper: 2)'
    )
    parser.add_argument('--channels', type=int, default=32, help='of the first layer')
    parser.add_argument('--iterations', type=int, default=4, help='of a run')
    parser.add_argument('--repeats', type=int, default=5, help='runs')
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
        single = None
        for processes in args.processes:
            rate = measure(method, processes, args)
            apart = measure(method, processes, args, apart=True) if processes > 1 else rate
            single = single or rate / processes
            table.add(
                method=method,
                processes=processes,
                times=rate / single,
                efficiency=rate / single / processes,
                **{'images/s': rate, 'apart images/s': apart, 'of apart': rate / apart},
            )
    write_results(args, table.rows)


def measure(method: str, processes: int, args: argparse.Namespace, apart: bool = False) -> float:
    """Images per second of all processes together, which may train apart."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    rates = multiprocessing.get_context('spawn').SimpleQueue()
    multiprocessing.spawn(worker, (processes, port, method, args, apart, rates), nprocs=processes)
    return rates.get()


def worker(
    rank: int,
    processes: int,
    port: int,
    method: str,
    args: argparse.Namespace,
    apart: bool,
    rates: multiprocessing.SimpleQueue,
) -> None:
    """Train as one of several processes; the first one gives the rate of all."""
    if args.device == 'cuda':
        torch.cuda.set_device(rank)
    dist.init_process_group(
        'gloo' if args.device == 'cpu' else 'nccl',
        init_method=f'tcp://127.0.0.1:{port}',
        rank=rank,
        world_size=processes,
    )
    args = argparse.Namespace(**vars(args), frozen_bn=False, joint=False)
    if args.paper:
        config, size, _, changes = PAPERS[method]
        args.channels = None
    else:
        (config, changes), size = TOYS[method], (113, 113)
    args.size = args.size or size
    model, optimizers, data = build(config, args, **changes)
    if processes > 1 and not apart:
        wrapper = get_config(config).get(
            'model_wrapper_cfg', ConfigDict(type='MMDistributedDataParallel')
        )
        model = MODEL_WRAPPERS.build(dict(wrapper, module=model))
    images = sum(len(stream['inputs']) for stream in streams_of(data)) * processes
    seconds = []
    for _ in range(args.repeats + 1):
        dist.barrier()
        start = time.perf_counter()
        for iteration in range(args.iterations):
            train_step(model, iteration, data, optimizers)
        # All have to be there before it counts.
        dist.barrier()
        seconds.append(time.perf_counter() - start)
    if rank == 0:
        rates.put(images * args.iterations / min(seconds[1:]))
    dist.destroy_process_group()


if __name__ == '__main__':
    main()

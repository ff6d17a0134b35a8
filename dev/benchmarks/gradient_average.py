"""What averaging gradients takes: python dev/benchmarks/gradient_average.py --threads 1."""

import argparse
import os
import statistics
import time

import torch
import torch.distributed as dist
from measuring import Table, add_common_arguments, write_results
from mmseg.registry import MODELS
from scaling import averaging, in_processes

from label_efficient_seg.models.segmentors import stream_encoder_decoder

MODES = dict(apart='backward pass', after='after it', during='during it')
NETWORKS = (18, 101)


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Measure, in several processes, a backward pass that computes nothing but '
        'hands over the gradients of a ResNet; the same with their mean over the processes taken '
        'after it, by all_reduce_params of MMEngine, and during it, as this package does. The '
        'three take turns. Numbers are medians of milliseconds.'
    )
    parser.add_argument('--processes', type=int, default=2)
    parser.add_argument('--repeats', type=int, default=20, help='turns of each')
    parser.add_argument('--device', choices=['cpu', 'cuda'], default='cpu')
    add_common_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Measure each network, and print a table."""
    args = parse_args()
    os.environ.setdefault('OMP_WAIT_POLICY', 'passive')
    os.environ.setdefault('PYTHONWARNINGS', 'ignore')
    table = Table({'network': '', 'MiB': '.0f', **dict.fromkeys(MODES.values(), '.1f')})
    for depth in NETWORKS:
        table.add(network=f'ResNet-{depth}', **in_processes(measure, depth, args))
    write_results(args, table.rows)


def measure(depth: int, args: argparse.Namespace) -> dict[str, float]:
    """A row of the table."""
    network = MODELS.build(dict(type='mmseg.ResNet', depth=depth)).to(args.device)
    parameters = list(network.parameters())
    gradients = [torch.randn_like(parameter) for parameter in parameters]
    seconds: dict[str, list[float]] = {heading: [] for heading in MODES.values()}
    for _ in range(args.repeats + 1):
        for mode, heading in MODES.items():
            network.zero_grad()
            dist.barrier()
            start = time.perf_counter()
            with averaging(mode), stream_encoder_decoder.averaged_gradients(parameters):
                torch.autograd.backward(parameters, gradients)
            dist.barrier()
            seconds[heading].append(time.perf_counter() - start)
    size = sum(gradient.nbytes for gradient in gradients) / 2**20
    return dict(MiB=size, **{h: 1000 * statistics.median(s[1:]) for h, s in seconds.items()})


if __name__ == '__main__':
    main()

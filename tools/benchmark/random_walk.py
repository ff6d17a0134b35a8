"""Time and peak memory of the random walk: python tools/benchmark/random_walk.py --threads 2."""

import argparse
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from label_efficient_seg.ops import (
    neighbour_offsets,
    pairwise_affinities,
    random_walk,
    valid_pairs,
)

BETA, STEPS = 8, 256
# A call is repeated for this long, or until it has run REPEATS times.
SECONDS, REPEATS = 20, 20
MIB = 2**20


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Compare the random walk with the dense matrix of all pairs of pixels, squared '
        'again and again in float32. Each measurement runs in a process of its own.'
    )
    parser.add_argument(
        '--sizes', nargs='*', type=size, default=[(47, 63), (64, 64), (96, 128)],
        metavar='HxW', help='sizes to compare at; the last default takes minutes and 2 GB',
    )  # fmt: skip
    parser.add_argument(
        '--alone', nargs='*', type=size, default=[(128, 256), (256, 512)],
        metavar='HxW', help='sizes of the random walk alone',
    )  # fmt: skip
    parser.add_argument('--classes', type=int, default=21, help='number of score maps')
    parser.add_argument('--threads', type=int, default=2, help='threads of PyTorch')
    parser.add_argument('--device', default='cpu', help='such as cuda')
    return parser.parse_args()


def size(text: str) -> tuple[int, int]:
    """47x63 to (47, 63)."""
    height, width = text.split('x')
    return int(height), int(width)


def example(map_size: tuple[int, int], classes: int, device: str) -> tuple[Tensor, Tensor]:
    """Scores and affinities of features that are smooth but for the borders of some regions."""
    torch.manual_seed(0)
    coarse = torch.randn(1, 8, map_size[0] // 8 + 1, map_size[1] // 8 + 1)
    features = F.interpolate(coarse, map_size) + 0.1 * torch.randn(1, 8, *map_size)
    return torch.rand(1, classes, *map_size, device=device), pairwise_affinities(
        features.to(device)
    )


def dense_walk(scores: Tensor, affinities: Tensor) -> Tensor:
    """What the walk replaces: the matrix of all pairs to the power of its steps."""
    height, width = scores.shape[-2:]
    numbers = torch.arange(height * width, device=scores.device).view(height, width)
    mask = valid_pairs((height, width), device=scores.device)
    matrix = torch.eye(height * width, device=scores.device)
    for k, (dy, dx) in enumerate(neighbour_offsets()):
        i = numbers[mask[k]]
        j = i + dy * width + dx
        matrix[i, j] = matrix[j, i] = affinities[0, k][mask[k]] ** BETA
    matrix /= matrix.sum(1, keepdim=True)
    steps = STEPS
    while steps > 1:
        matrix = matrix @ matrix
        steps //= 2
    return (matrix @ scores[0].flatten(1).T).T.view_as(scores)


def sparse_walk(scores: Tensor, affinities: Tensor) -> Tensor:
    """The walk of this package."""
    return random_walk(scores, affinities, BETA, STEPS)


def measure(
    walk: Callable, map_size: tuple[int, int], args: argparse.Namespace
) -> tuple[float, float, float]:
    """Seconds of the fastest call, MiB that the first call adds, and difference to our walk."""
    torch.set_num_threads(args.threads)
    # Loads the libraries.
    walk(*example((9, 9), 2, args.device))
    inputs = example(map_size, args.classes, args.device)
    before = reset_peak(args.device)
    times = []
    while not times or sum(times) < SECONDS and len(times) < REPEATS:
        start = time.perf_counter()
        result = walk(*inputs)
        synchronize(args.device)
        times.append(time.perf_counter() - start)
        if len(times) == 1:
            memory = peak(args.device) - before
    difference = (result - sparse_walk(*inputs)).abs().max().item()
    return min(times), memory / MIB, difference


def synchronize(device: str) -> None:
    """Wait for the device."""
    if device != 'cpu':
        torch.cuda.synchronize(device)


def reset_peak(device: str) -> int:
    """Start a new record of the memory used; the bytes in use now."""
    synchronize(device)
    if device != 'cpu':
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    # See "man 5 proc": Linux forgets the highest resident size of the process.
    Path('/proc/self/clear_refs').write_text('5')
    return memory_of_process('VmRSS')


def peak(device: str) -> int:
    """Most bytes in use since :func:`reset_peak`."""
    if device != 'cpu':
        return torch.cuda.max_memory_allocated(device)
    return memory_of_process('VmHWM')


def memory_of_process(name: str) -> int:
    """An entry of the process's status, in bytes."""
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f'/proc/self/status has no {name}')


def main() -> None:
    """Print one line of the table after the other."""
    args = parse_args()
    print(
        f'{args.classes} maps, {STEPS} steps, beta {BETA}, {args.device}, {args.threads} threads, '
        f'PyTorch {torch.__version__}. The difference is to the dense matrix in float32, '
        'whose own rounding is a few 1e-5.\n'
    )
    print(
        '| size | pixels | walk s | us / pixel | MiB | dense s | MiB | times faster | difference |'
    )
    print('|---|---|---|---|---|---|---|---|---|', flush=True)
    context = multiprocessing.get_context('spawn')
    for map_size in args.sizes + args.alone:
        line = f'| {map_size[0]}x{map_size[1]} | {map_size[0] * map_size[1]} '
        with context.Pool(1) as pool:
            seconds, memory, _ = pool.apply(measure, (sparse_walk, map_size, args))
        per_pixel = 1e6 * seconds / (map_size[0] * map_size[1])
        line += f'| {seconds:.3f} | {per_pixel:.1f} | {memory:.0f} '
        if map_size in args.sizes:
            with context.Pool(1) as pool:
                dense, memory, difference = pool.apply(measure, (dense_walk, map_size, args))
            line += f'| {dense:.2f} | {memory:.0f} | {dense / seconds:.0f} | {difference:.0e} |'
        else:
            line += '| | | | |'
        print(line, flush=True)


if __name__ == '__main__':
    main()

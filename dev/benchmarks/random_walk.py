"""Time and peak memory of the random walk: python dev/benchmarks/random_walk.py --threads 2."""

import argparse
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from measuring import (
    Table,
    add_common_arguments,
    growth_exponent,
    in_own_process,
    timed,
    with_peak_memory,
    write_results,
)
from torch import Tensor

from label_efficient_seg.ops import neighbour_offsets, pairwise_affinities, random_walk, valid_pairs

BETA, STEPS = 8, 256
# A call is repeated for this long, or until it has run REPEATS times.
SECONDS, REPEATS = 20, 20
COLUMNS = {
    'size': '',
    'pixels': '',
    'walk s': '.3f',
    'us / pixel': '.1f',
    'MiB': '.0f',
    'dense s': '.2f',
    'dense MiB': '.0f',
    'times faster': '.0f',
    'difference': '.0e',
}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
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
    parser.add_argument('--device', default='cpu', help='such as cuda')
    add_common_arguments(parser)
    return parser.parse_args(argv)


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
) -> tuple[float, float | None, float]:
    """Seconds of the fastest call, MiB that the first call adds, and difference to our walk."""
    if args.threads:
        torch.set_num_threads(args.threads)
    # Loads the libraries.
    walk(*example((9, 9), 2, args.device))
    inputs = example(map_size, args.classes, args.device)
    result, memory = with_peak_memory(lambda: walk(*inputs), args.device)
    times = []
    while not times or sum(times) < SECONDS and len(times) < REPEATS:
        times.append(timed(lambda: walk(*inputs), args.device))
    difference = (result - sparse_walk(*inputs)).abs().max().item()
    return min(times), memory, difference


def main() -> None:
    """Print one line of the table after the other."""
    args = parse_args()
    print(
        f'{args.classes} maps, {STEPS} steps, beta {BETA}, {args.device}, '
        f'PyTorch {torch.__version__}. The difference is to the dense matrix in float32, '
        'whose own rounding is a few 1e-5.\n'
    )
    table = Table(COLUMNS)
    for map_size in args.sizes + args.alone:
        pixels = map_size[0] * map_size[1]
        seconds, memory, _ = in_own_process(measure, sparse_walk, map_size, args)
        row = {
            'size': f'{map_size[0]}x{map_size[1]}',
            'pixels': pixels,
            'walk s': seconds,
            'us / pixel': 1e6 * seconds / pixels,
            'MiB': memory,
        }
        if map_size in args.sizes:
            dense, memory, difference = in_own_process(measure, dense_walk, map_size, args)
            row.update({'dense s': dense, 'dense MiB': memory, 'difference': difference})
            row['times faster'] = dense / seconds
        table.add(**row)
    exponent = growth_exponent(*zip(*((r['pixels'], r['walk s']) for r in table.rows), strict=True))
    if exponent is not None:
        print(
            f'\nThe time of the walk grows with the number of pixels to the power {exponent:.2f}.'
        )
    write_results(args, table.rows)


if __name__ == '__main__':
    main()

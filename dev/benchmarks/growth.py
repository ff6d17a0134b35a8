"""How time grows with the size of the work: python dev/benchmarks/growth.py --threads 2."""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import dense_crf
import proposal_inference
import random_walk
import torch
from measuring import (
    Table,
    add_common_arguments,
    growth_exponent,
    image_size,
    in_own_process,
    timed,
    write_results,
)

from label_efficient_seg.jobs.image_ranking import rank_images
from label_efficient_seg.jobs.image_scoring import ImageScore, read_scores, write_score
from label_efficient_seg.visualization import plot_split_histogram

COLUMNS = {'what': '', 'size': '', 'seconds': '.4f', 'exponent': '.2f'}


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Measure the random walk and the dense CRF on maps of growing size, inference '
        'on a growing number of proposals, and the ranking of a growing number of images whose '
        'scores are there: reading, sorting, lists and histogram. The exponent is that of the size '
        '(pixels, proposals, images) that time grows with, by least squares over the logarithms.'
    )
    parser.add_argument(
        '--walk', nargs='*', type=random_walk.size, metavar='HxW',
        default=[(32, 32), (64, 64), (128, 128), (256, 256)],
    )  # fmt: skip
    parser.add_argument(
        '--crf', nargs='*', type=image_size, metavar='WIDTHxHEIGHT',
        default=[(250, 188), (500, 375), (1000, 750)],
    )  # fmt: skip
    parser.add_argument('--proposals', nargs='*', type=int, default=[10, 50, 250])
    parser.add_argument('--images', nargs='*', type=int, default=[100, 1000, 10000])
    parser.add_argument('--device', default='cpu', help='of all but the ranking')
    add_common_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Print a line for each size, and the exponent beside the largest."""
    args = parse_args()
    table = Table(COLUMNS)

    def measure(what: str, sizes: list, function: Callable, amount: Callable) -> None:
        seconds = []
        for position, size in enumerate(sizes, start=1):
            seconds.append(in_own_process(function, size, args))
            exponent = None
            if position == len(sizes):
                exponent = growth_exponent([amount(size) for size in sizes], seconds)
            text = 'x'.join(map(str, size)) if isinstance(size, tuple) else size
            table.add(what=what, size=text, seconds=seconds[-1], exponent=exponent)

    measure('random walk', args.walk, walk, pixels)
    measure('dense CRF', args.crf, crf, pixels)
    measure('proposals', args.proposals, inference, int)
    measure('ranking', args.images, ranking, int)
    write_results(args, table.rows)


def pixels(size: tuple[int, int]) -> int:
    """Of a map."""
    return size[0] * size[1]


def common(args: argparse.Namespace) -> list[str]:
    """Options that the other benchmarks take as well."""
    threads = ['--threads', str(args.threads)] if args.threads else []
    return ['--device', args.device, *threads]


def walk(size: tuple[int, int], args: argparse.Namespace) -> float:
    """Seconds of a random walk of 21 maps."""
    settings = random_walk.parse_args(common(args))
    return random_walk.measure(random_walk.sparse_walk, size, settings)[0]


def crf(size: tuple[int, int], args: argparse.Namespace) -> float:
    """Seconds of ten iterations of the CRF on an image of 21 classes."""
    return dense_crf.measure((*size, 1, 21, 10), dense_crf.parse_args(common(args)))['seconds']


def inference(number: int, args: argparse.Namespace) -> float:
    """Seconds of DeconvNet's inference on so many proposals of an image."""
    settings = proposal_inference.parse_args(common(args))
    return proposal_inference.measure(number, 8, settings)['seconds']


def ranking(number: int, args: argparse.Namespace) -> float:
    """Seconds that it takes to rank so many images by the scores in a file."""
    generator = torch.Generator().manual_seed(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for index, value in enumerate(torch.rand(number, generator=generator).tolist()):
            score = ImageScore(f'image_{index:06}', value, [0, 1, 2])
            write_score(folder / 'scores' / '0.jsonl', score)

        def rank() -> None:
            results = read_scores(folder / 'scores')
            ranked = rank_images({image: r.score for image, r in results.items()}, 0.67)
            ranked.write(folder)
            splits = ('easy', 'hard')
            path = folder / 'histogram.png'
            plot_split_histogram(ranked.scores, ranked.num_easy, splits, 'score', path)

        rank()  # loads the libraries
        return min(timed(rank) for _ in range(3))


if __name__ == '__main__':
    main()

"""Time and memory of the dense CRF: python dev/benchmarks/dense_crf.py --sizes 500x375 1024x512.

PAR is timed beside it. Where pydensecrf2 is installed, it is timed in turns, and the results are
compared.
"""

import argparse
import importlib.util
from collections.abc import Sequence

import torch
from measuring import (
    Table,
    add_common_arguments,
    image_size,
    in_own_process,
    timed,
    with_peak_memory,
    write_results,
)

from label_efficient_seg.ops import dense_crf, refine_by_image

COLUMNS = {
    'size': '',
    'batch': '',
    'classes': '',
    'iterations': '',
    'seconds': '.2f',
    'MiB': '.0f',
    'PAR s': '.2f',
    'pydensecrf2 s': '.2f',
    'difference': '.1e',
}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Measure the dense CRF on random images with the spectrum of photographs. '
        'Seconds for the whole batch, the best of several runs. Memory is what the first run adds '
        'to its process (Linux only), or to the GPU.'
    )
    parser.add_argument(
        '--sizes', nargs='+', type=image_size, default=[(500, 375)], metavar='WIDTHxHEIGHT'
    )
    parser.add_argument('--batch', nargs='+', type=int, default=[1, 4])
    parser.add_argument('--classes', nargs='+', type=int, default=[21])
    parser.add_argument('--iterations', nargs='+', type=int, default=[10])
    parser.add_argument(
        '--settings',
        nargs=3,
        type=float,
        default=[10, 80, 13],
        metavar=('WEIGHT', 'SIGMA', 'COLOR_SIGMA'),
        help="bilateral kernel; default: AffinityNet's 10 80 13. DeconvNet has 5 20 3",
    )
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--device', default='cpu')
    add_common_arguments(parser)
    return parser.parse_args(argv)


def main() -> None:
    """Measure all combinations, each in a process of its own, and print a table."""
    args = parse_args()
    cases = [
        (*size, batch, classes, iterations)
        for size in args.sizes
        for batch in args.batch
        for classes in args.classes
        for iterations in args.iterations
    ]
    table = Table(COLUMNS)
    for case in cases:
        table.add(**in_own_process(measure, case, args))
    write_results(args, table.rows)


def measure(case: tuple[int, int, int, int, int], args: argparse.Namespace) -> dict:
    """Measure one combination of width, height, batch, classes and iterations."""
    if args.threads:
        torch.set_num_threads(args.threads)
    width, height, batch, classes, iterations = case
    torch.manual_seed(0)
    image = photograph_like(batch, height, width).to(args.device)
    coarse = 2 * torch.randn(batch, classes, height // 32 + 2, width // 32 + 2)
    logits = torch.nn.functional.interpolate(coarse, (height, width), mode='bilinear')
    logits = (logits + 0.5 * torch.randn_like(logits)).to(args.device)
    weight, sigma, color_sigma = args.settings
    settings = dict(bilateral_weight=weight, bilateral_sigma=sigma, color_sigma=color_sigma)

    def ours():
        return dense_crf(logits, image, iterations, **settings)

    def par():
        return refine_by_image(logits.softmax(1), image, 'par')

    result, memory = with_peak_memory(ours, args.device)
    theirs = pydensecrf(logits, image, iterations, args.settings)
    seconds, par_seconds, reference_seconds = [], [], []
    for _ in range(args.repeats):
        seconds.append(timed(ours, args.device))
        par_seconds.append(timed(par, args.device))
        if theirs:
            reference_seconds.append(timed(theirs))
    return dict(
        size=f'{width}x{height}',
        batch=batch,
        classes=classes,
        iterations=iterations,
        seconds=min(seconds),
        MiB=memory,
        PAR_s=min(par_seconds),
        pydensecrf2_s=min(reference_seconds, default=None),
        difference=float(abs(theirs() - result.cpu().numpy()).max()) if theirs else None,
    )


def photograph_like(batch: int, height: int, width: int) -> torch.Tensor:
    """Random colors whose contrast falls with the fineness of detail, uint8."""
    image = torch.zeros(batch, 3, height, width)
    for octave in range(1, 9):
        # Mostly brightness, and half as much color.
        cells = (2**octave + 1, 2**octave + 1)
        noise = torch.randn(batch, 1, *cells) + 0.5 * torch.randn(batch, 3, *cells)
        noise = torch.nn.functional.interpolate(noise, (height, width), mode='bilinear')
        image += 60 * 0.6**octave * noise
    return (image + 128).clamp_(0, 255).byte()


def pydensecrf(logits, image, iterations: int, settings: list[float]):
    """A function that runs pydensecrf2 on a batch, or None where it is not installed."""
    if importlib.util.find_spec('pydensecrf') is None:
        return None
    import numpy as np
    from pydensecrf.densecrf import DenseCRF2D

    _, classes, height, width = logits.shape
    unaries = -logits.log_softmax(1).flatten(2).cpu().numpy()
    pixels = np.ascontiguousarray(image.permute(0, 2, 3, 1).cpu().numpy())
    weight, sigma, color_sigma = settings

    def run():
        results = []
        for unary, rgb in zip(unaries, pixels, strict=True):
            crf = DenseCRF2D(width, height, classes)
            crf.setUnaryEnergy(unary)
            crf.addPairwiseGaussian(sxy=3, compat=3)
            crf.addPairwiseBilateral(sxy=sigma, srgb=color_sigma, rgbim=rgb, compat=weight)
            results.append(np.array(crf.inference(iterations)).reshape(classes, height, width))
        return np.stack(results)

    return run


if __name__ == '__main__':
    main()

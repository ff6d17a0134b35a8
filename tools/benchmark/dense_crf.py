"""Time and memory of the dense CRF: python tools/benchmark/dense_crf.py --sizes 500x375 1024x512.

Where pydensecrf2 is installed, both are timed in turns, and their results are compared.
"""

import argparse
import importlib.util
import multiprocessing
import os
import re
import time
from pathlib import Path

COLUMNS = (
    ('size', 10),
    ('batch', 5),
    ('classes', 7),
    ('iterations', 10),
    ('seconds', 7),
    ('memory MB', 9),
    ('pydensecrf2 s', 13),
    ('difference', 10),
)


def parse_args() -> argparse.Namespace:
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
    parser.add_argument('--threads', type=int, help="default: torch's choice")
    parser.add_argument('--device', default='cpu')
    return parser.parse_args()


def image_size(text: str) -> tuple[int, int]:
    """Parse WIDTHxHEIGHT."""
    width, height = text.split('x')
    return int(width), int(height)


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
    print('  '.join(f'{name:>{width}}' for name, width in COLUMNS))
    # Threads that spin while they wait take the cores from other jobs and, on a machine where there
    # are some, from each other: several times slower.
    os.environ.setdefault('OMP_WAIT_POLICY', 'passive')
    # Memory that one combination has freed could otherwise serve the next unseen.
    context = multiprocessing.get_context('spawn')
    with context.Pool(1, maxtasksperchild=1) as pool:
        for case in cases:
            cells = pool.apply(measure, (case, args))
            row = zip(cells, COLUMNS, strict=True)
            print('  '.join(f'{cell:>{width}}' for cell, (_, width) in row), flush=True)


def measure(case: tuple[int, int, int, int, int], args: argparse.Namespace) -> list[str]:
    """Measure one combination."""
    import torch

    from label_efficient_seg.ops import dense_crf

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

    result, memory = with_peak_memory(ours, args.device)
    theirs = pydensecrf(logits, image, iterations, args.settings)
    seconds, reference_seconds, difference = [], [], '-'
    for _ in range(args.repeats):
        seconds.append(timed(ours, args.device))
        if theirs:
            reference_seconds.append(timed(theirs, 'cpu'))
    if theirs:
        difference = f'{abs(theirs() - result.cpu().numpy()).max():.1e}'
    return [
        f'{width}x{height}',
        str(batch),
        str(classes),
        str(iterations),
        f'{min(seconds):.2f}',
        memory,
        f'{min(reference_seconds):.2f}' if theirs else '-',
        difference,
    ]


def photograph_like(batch: int, height: int, width: int):
    """Random colors whose contrast falls with the fineness of detail, uint8."""
    import torch

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


def timed(function, device: str) -> float:
    """Seconds that a function takes."""
    import torch

    def synchronize():
        if device != 'cpu':
            torch.cuda.synchronize(device)

    synchronize()
    start = time.perf_counter()
    function()
    synchronize()
    return time.perf_counter() - start


def with_peak_memory(function, device: str) -> tuple:
    """Result of a function, and the largest memory during it minus that before, in MB."""
    import torch

    if device != 'cpu':
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        result = function()
        return result, f'{(torch.cuda.max_memory_allocated(device) - before) / 2**20:.0f}'
    status = Path('/proc/self/status')
    if not status.exists():
        return function(), '-'
    # Makes the kernel forget the peak so far.
    Path('/proc/self/clear_refs').write_text('5')
    before = int(re.search(r'VmRSS:\s+(\d+)', status.read_text())[1])
    result = function()
    after = int(re.search(r'VmHWM:\s+(\d+)', status.read_text())[1])
    return result, f'{(after - before) / 2**10:.0f}'


if __name__ == '__main__':
    main()

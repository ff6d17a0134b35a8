"""Speed: train steps against plain renderings of the releases."""

import argparse
import gc

import torch
from measuring import timed, with_peak_memory
from train_case import PAPERS, TOYS, build, streams_of
from train_step import PLAIN, plain_step

from .common import Case, Row, Settings, repeated, tf32

TITLE = 'Speed'
NOTE = (
    'Images/s of all streams, of the fastest of several runs that alternate, and peak memory of a '
    'step beyond the model. `plain` is the rendering of the release (dev/benchmarks/plain_*.py) '
    'in float32 without TF32; `times` is the speed relative to it, or else to our float32.'
)
MINUTES = 5
# Name: half precision, channels-last, TF32.
KINDS = {
    'fp32': (False, False, False),
    'TF32': (False, False, True),
    'bf16 channels-last': ('bf16', True, True),
    'fp16 channels-last': ('fp16', True, True),
}


def cases(settings: Settings) -> list[str]:
    """Papers' sizes first, then the toys."""
    papers = [] if settings.smoke else [name for name in PAPERS if name in settings.methods]
    return [f'{name} paper' for name in papers] + [f'{name} toy' for name in settings.methods]


def run(case: str, settings: Settings) -> list[Row]:
    """Measure all kinds of one method in turns."""
    method, scale = case.split()
    if scale == 'paper':
        config, size, batch, changes = PAPERS[method]
        args = settings.toy(size=size, batch=batch, channels=None)
    else:
        config, changes = TOYS[method]
        args = settings.toy()
    kinds = dict(KINDS) if settings.device != 'cpu' else {'fp32': KINDS['fp32']}
    steps = {}
    if method in PLAIN:
        steps['plain'] = plain(method, config, args, changes)
    for name, kind in kinds.items():
        steps[name] = ours(config, args, changes, kind)
    found: dict[str, Row] = {}
    for name, (step, images) in steps.items():
        _, memory = with_peak_memory(repeated(step, 2), settings.device)
        found[name] = dict(images=images, seconds=float('inf'), MiB=memory)
    iterations = 2 if settings.smoke else 4 if scale == 'paper' else 10
    for _ in range(1 if settings.smoke else 4):
        for name, (step, _) in steps.items():
            seconds = timed(repeated(step, iterations), settings.device) / iterations
            found[name]['seconds'] = min(found[name]['seconds'], seconds)
    steps.clear()
    gc.collect()
    base = next(iter(found.values()))['seconds']
    width, height = args.size
    return [
        {
            'case': case,
            'size': f'{width}x{height}',
            'kind': name,
            'images/s': row['images'] / row['seconds'],
            'times': base / row['seconds'],
            'MiB': row['MiB'],
        }
        for name, row in found.items()
    ]


def ours(config: str, args: argparse.Namespace, changes: dict, kind: tuple) -> tuple:
    """A step of this package, and its images."""
    amp, channels_last, rounded = kind
    case = Case(*build(config, args, amp, **changes))
    if channels_last:
        case.model.to(memory_format=torch.channels_last)

    def step() -> None:
        with tf32(rounded):
            case.step()

    return step, images_of(case.data)


def plain(method: str, config: str, args: argparse.Namespace, changes: dict) -> tuple:
    """The same of the plain rendering."""
    model, optimizers, data = build(config, args, **changes)
    rendering = plain_step(method, model, optimizers)

    def step() -> None:
        with tf32(False):
            rendering(data)

    return step, images_of(data)


def images_of(data: dict) -> int:
    """Images of all streams."""
    return sum(len(stream['inputs']) for stream in streams_of(data))

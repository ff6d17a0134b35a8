r"""Train several configs over several seeds and report them side by side.

Example::

    les compare work_dirs/voc supervised=advsemi/deeplabv2_r101_voc_supervised \
        advsemi=advsemi/deeplabv2_r101_voc_semi --seeds 0 1 2
"""

import argparse
import signal

from .arguments import add_amp, add_cfg_options, read_cfg_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the words of the verb."""
    parser.add_argument('work_dir', help='folder for the trainings and the report')
    parser.add_argument(
        'runs',
        nargs='+',
        type=_pair,
        metavar='NAME=CONFIG',
        help='runs; the first is the baseline',
    )
    parser.add_argument('--seeds', nargs='+', type=int, default=[0])
    parser.add_argument(
        '--jobs', type=int, help='trainings at a time; default: CPU cores, or 1 GPU'
    )
    parser.add_argument('--title', default='Comparison')
    parser.add_argument('--images', type=int, default=6, help='validation images to show')
    add_amp(parser)
    add_cfg_options(parser, 'the config of every run')


def _pair(word: str) -> list[str]:
    if '=' not in word:
        raise argparse.ArgumentTypeError(f'{word!r} is not of the form NAME=CONFIG')
    return word.split('=', 1)


def run(args: argparse.Namespace) -> None:
    """Train and report."""
    from .. import api

    # What a cluster sends before it kills ends the trainings as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    report = api.compare(
        args.work_dir,
        args.runs,
        seeds=args.seeds,
        jobs=args.jobs,
        title=args.title,
        images=args.images,
        amp=args.amp,
        cfg_options=read_cfg_options(args),
    )
    print(report)

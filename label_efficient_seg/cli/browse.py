"""Draw what each training stream of a config feeds to the model.

Writes one picture for each of the first images of a training: the image as it is augmented,
cropped and padded, its labels or which pixels are no padding, and the strong views where there are
any.

With --checkpoint, it draws what a model of UniMatch, MIC or their variants makes of its unlabeled
images: pseudo labels, confidence, what is kept, and the strong views, mixed and masked images that
it learns from.

Examples::

    les browse advsemi/deeplabv2_r18_toy_semi --out streams
    les browse my_config.py --out streams --streams unlabeled --number 20
    les browse mic/deeplabv2_r18_toy_mic --checkpoint iter_300.pth --out lessons
"""

import argparse

from .arguments import add_cfg_options, add_config, read_cfg_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the words of the verb."""
    add_config(parser)
    parser.add_argument('--out', required=True, metavar='DIR', help='folder for the pictures')
    parser.add_argument(
        '--number', type=int, default=8, metavar='N', help='images of each stream (default: 8)'
    )
    parser.add_argument('--streams', nargs='+', metavar='NAME', help='default: all streams')
    parser.add_argument(
        '--checkpoint', default='', help='draw what this model makes of its unlabeled images'
    )
    add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Draw, and say where the pictures are."""
    from .. import api

    written = api.browse(
        args.config,
        args.out,
        number=args.number,
        streams=args.streams,
        checkpoint=args.checkpoint,
        cfg_options=read_cfg_options(args),
    )
    for folder in sorted({path.parent for path in written}):
        print(f'{folder}: {sum(path.parent == folder for path in written)} pictures')

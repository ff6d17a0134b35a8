"""Write a folder of configs from a data card: a method, its baselines, and what compares them.

A data card is a YAML file that names images, masks and classes. docs/custom-data.md describes it.
What is decided about crops, batches and iterations is printed and stands in the configs.

Examples::

    les new semi data.yaml --labeled 1/8 --out cracks
    les new semi data.yaml --network deeplabv3plus_r50 --budget 10min --out cracks
    les new semi data.yaml --network my_mmseg_config.py --method advsemi --out cracks
    les new adapt day.yaml night.yaml --out night
    les new weak data.yaml --out cracks                        # the card has tags
    les new zero data.yaml --unseen joint --out cracks         # the card has vectors
"""

import argparse
import re
from fractions import Fraction

KINDS = dict(
    semi='masks for some of the images',
    adapt='masks of a source, photos of a target: two cards with the same classes',
    weak='the classes of whole images (tags)',
    zero='masks of some of the classes, and word vectors of all',
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the words of the verb."""
    kinds = '; '.join(f'{kind}: {text}' for kind, text in KINDS.items())
    parser.add_argument('kind', choices=KINDS, metavar='KIND', help=kinds)
    parser.add_argument('cards', nargs='+', metavar='CARD', help='data card, a YAML file')
    parser.add_argument('--out', required=True, help='folder to write')
    parser.add_argument(
        '--labeled',
        type=_part,
        metavar='PART',
        help='of semi, labeled images: a share such as 1/8, a number, or a list; default: those '
        'of the card',
    )
    parser.add_argument(
        '--unseen',
        nargs='+',
        metavar='CLASS',
        help='of zero, classes without labels in training; default: those of the card',
    )
    parser.add_argument(
        '--method',
        help='of semi: unimatch (default), unimatch_v2, fixmatch, advsemi; of adapt: dacs '
        '(default), mic, advent, minent, intrada; weak has AffinityNet and zero has SIGN',
    )
    parser.add_argument(
        '--network',
        help='deeplabv3plus_r50 (default on a GPU), segformer_mit-b0 (default on a CPU), '
        'deeplabv2_r101, deeplabv2_mobilenetv2, an MMSeg config file, or timm/NAME of a backbone',
    )
    parser.add_argument(
        '--weights', help="checkpoint of the backbone, or none; default: the network's own"
    )
    parser.add_argument(
        '--budget',
        default='1h',
        help='time for all stages of one seed on this machine, such as 10min, 1h or paper; '
        'default: %(default)s',
    )
    parser.add_argument(
        '--iterations', type=int, metavar='N', help='iterations of each training, not a budget'
    )
    parser.add_argument('--seed', type=int, default=0, help='of what is drawn; default: 0')


def _part(word: str) -> Fraction | int | str:
    """A share, a number or a list."""
    if re.fullmatch(r'\d+', word):
        return int(word)
    if re.fullmatch(r'\d+/[1-9]\d*|0?\.\d+', word):
        return Fraction(word)
    return word


def run(args: argparse.Namespace) -> None:
    """Write the folder and say what comes next."""
    from .. import api

    number = 2 if args.kind == 'adapt' else 1
    if len(args.cards) != number:
        args.parser.error(f'{args.kind} takes {number} data card{"s" * (number > 1)}')
    options = {}
    for name, kind in dict(labeled='semi', unseen='zero').items():
        if args.kind == kind:
            options[name] = getattr(args, name)
        elif getattr(args, name) is not None:
            args.parser.error(f'{args.kind} has no --{name}')
    folder = api.new(
        args.kind,
        *args.cards,
        out=args.out,
        method=args.method,
        network=args.network,
        weights=args.weights,
        budget=args.budget,
        iterations=args.iterations,
        seed=args.seed,
        **options,
    )
    print(f'\nnext: les check {args.out}, les run {args.out}; see {folder / "README.md"}')

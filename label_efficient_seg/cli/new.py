"""Write a folder of configs from a data card: a method, its baseline, and what compares them.

A data card is a YAML file that names images, masks and classes. docs/custom-data.md describes it.
What is decided about crops, batches and iterations is printed and stands in the configs.

Examples::

    les new semi data.yaml --labeled 1/8 --out cracks
    les new semi data.yaml --network deeplabv3plus_r50 --budget 10min --out cracks
    les new semi data.yaml --network my_mmseg_config.py --method advsemi --out cracks
"""

import argparse
import re
from fractions import Fraction

KINDS = ('semi',)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the words of the verb."""
    parser.add_argument('kind', choices=KINDS, help='semi: masks for some of the images')
    parser.add_argument('card', help='data card, a YAML file')
    parser.add_argument('--out', required=True, help='folder to write')
    parser.add_argument(
        '--labeled',
        type=_part,
        metavar='PART',
        help="labeled images: a share such as 1/8, a number, or a list; default: the card's",
    )
    parser.add_argument('--method', help='of semi: unimatch (default) or advsemi')
    parser.add_argument(
        '--network',
        help='deeplabv3plus_r50 (default on a GPU), segformer_mit-b0 (default on a CPU), '
        'deeplabv2_r101, deeplabv2_mobilenetv2, or an MMSeg config file',
    )
    parser.add_argument(
        '--weights', help="checkpoint of the backbone, or none; default: the network's own"
    )
    parser.add_argument(
        '--budget',
        default='1h',
        help='time for all trainings of one seed on this machine, such as 10min, 1h or paper; '
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

    folder = api.new(
        args.kind,
        args.card,
        args.out,
        labeled=args.labeled,
        method=args.method,
        network=args.network,
        weights=args.weights,
        budget=args.budget,
        iterations=args.iterations,
        seed=args.seed,
    )
    print(f'\nnext: les check {args.out}, les run {args.out}; see {folder / "README.md"}')

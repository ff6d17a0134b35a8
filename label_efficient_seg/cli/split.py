"""Choose the labeled part of a list of training images.

Writes labeled.txt, unlabeled.txt and split.json with seed, checksums and images per class.

Examples::

    les split data/mine/train.txt --fraction 1/8 --masks data/mine/masks --out data/mine/1_8
    les split data/mine/train.txt --check --out data/mine/1_8
"""

import argparse
from fractions import Fraction


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the words of the verb."""
    parser.add_argument('list', help='file with the ids of all training images, one per line')
    parser.add_argument('--out', required=True, help='folder of the split')
    size = parser.add_mutually_exclusive_group(required=True)
    size.add_argument('--fraction', type=Fraction, help='labeled share, such as 1/8 or 0.125')
    size.add_argument('--count', type=int, help='number of labeled images')
    size.add_argument(
        '--check',
        action='store_true',
        help='write nothing; compare the split in --out with its checksums',
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--masks',
        help='folder of the masks, to stratify by class; without it the choice is purely random',
    )
    parser.add_argument('--mask-suffix', default='.png', help='what follows the id in the name')
    parser.add_argument(
        '--classes',
        type=int,
        nargs='+',
        metavar='VALUE',
        help='mask values to stratify by; default: all that occur',
    )
    parser.add_argument('--ignore-index', type=int, default=255, help='mask value of void pixels')
    parser.add_argument('--workers', type=int, help='threads that read masks')
    parser.add_argument('--force', action='store_true', help='overwrite an existing split')


def run(args: argparse.Namespace) -> int:
    """Make or check a split."""
    from .. import api

    if args.check:
        faults = api.check_split(args.out, args.list)
        print('\n'.join(faults) or f"'{args.out}' is as it was made")
        return int(bool(faults))
    summary = api.split(
        args.list,
        args.out,
        fraction=args.fraction,
        count=args.count,
        seed=args.seed,
        masks=args.masks,
        mask_suffix=args.mask_suffix,
        classes=args.classes,
        ignore_index=args.ignore_index,
        workers=args.workers,
        force=args.force,
    )
    print(
        f'{summary["labeled"]["images"]} labeled and {summary["unlabeled"]["images"]} unlabeled '
        f"images in '{args.out}'"
    )
    for value, images in summary['images_per_class'].items():
        print(f'  value {value:>3}: {images["labeled"]:>6} of {images["population"]:>6} images')
    return 0

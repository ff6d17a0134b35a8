"""Divide a list of images: python tools/make_split.py LIST --fraction 1/8 --masks DIR --out DIR."""

import argparse
import sys
from fractions import Fraction


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Choose the labeled part of a list of training images. Writes labeled.txt, '
        'unlabeled.txt and split.json with seed, checksums and images per class.'
    )
    parser.add_argument('list', help='file with the ids of all training images, one per line')
    parser.add_argument('--out', required=True, help='folder of the split')
    size = parser.add_mutually_exclusive_group()
    size.add_argument('--fraction', type=Fraction, help='labeled share, such as 1/8 or 0.125')
    size.add_argument('--count', type=int, help='number of labeled images')
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
    parser.add_argument(
        '--check',
        action='store_true',
        help='write nothing; compare the split in --out with its checksums',
    )
    args = parser.parse_args()
    if not args.check and args.fraction is None and args.count is None:
        parser.error('one of --fraction, --count or --check is needed')
    return args


def main() -> int:
    """Make or check a split.

    Returns:
        int: Exit status, 1 if the split is faulty or cannot be made.
    """
    args = parse_args()
    from label_efficient_seg.datasets.files.make_split import check_split, make_split

    if args.check:
        faults = check_split(args.out, args.list)
        print('\n'.join(faults) or f"'{args.out}' is as it was made")
        return int(bool(faults))
    try:
        summary = make_split(
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
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(
        f'{summary["labeled"]["images"]} labeled and {summary["unlabeled"]["images"]} unlabeled '
        f"images in '{args.out}'"
    )
    for value, images in summary['images_per_class'].items():
        print(f'  value {value:>3}: {images["labeled"]:>6} of {images["population"]:>6} images')
    return 0


if __name__ == '__main__':
    sys.exit(main())

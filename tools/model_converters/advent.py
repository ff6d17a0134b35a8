"""Convert DeepLabv2 weights that ADVENT, IntraDA, AdaptSegNet or AdvSemiSeg released, or back.

Example::

    python tools/model_converters/advent.py \
        gta2cityscapes_advent.pth data/weights/gta2cityscapes_advent.pth --to ours
"""

import argparse
import pprint


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', help='checkpoint to read')
    parser.add_argument('target', help='.pth file to write')
    parser.add_argument('--to', choices=['ours', 'official'], required=True)
    parser.add_argument(
        '--variant',
        choices=['advent', 'adaptsegnet', 'advsemi'],
        default='advent',
        help='whose code the official side is; IntraDA has that of ADVENT (default: %(default)s)',
    )
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='allow the source to run code when it is loaded',
    )
    return parser.parse_args()


def main() -> None:
    """Convert, and print the config of the model and what was left out or filled in."""
    args = parse_args()
    from label_efficient_seg.converters import convert_deeplabv2_file
    from label_efficient_seg.core.errors import readable_errors
    from label_efficient_seg.core.weights import trusting_checkpoints

    with readable_errors(), trusting_checkpoints(args.trust_checkpoint):
        conversion = convert_deeplabv2_file(args.source, args.target, args.to, args.variant)
    for note in conversion.notes:
        print(f'note: {note}')
    if args.to == 'ours':
        print(f'model = {pprint.pformat(conversion.model, sort_dicts=False)}')
    print(args.target)


if __name__ == '__main__':
    main()

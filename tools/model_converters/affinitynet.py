"""Convert weights that AffinityNet released, of classifier or affinity network, or back.

Example::

    python tools/model_converters/affinitynet.py res38_cls.pth data/weights/res38_cls.pth --to ours
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
        '--trust-checkpoint',
        action='store_true',
        help='allow the source to run code when it is loaded',
    )
    return parser.parse_args()


def main() -> None:
    """Convert, and print the config of the model."""
    args = parse_args()
    from label_efficient_seg.converters import convert_affinitynet_file
    from label_efficient_seg.core.errors import readable_errors
    from label_efficient_seg.core.weights import trusting_checkpoints

    with readable_errors(), trusting_checkpoints(args.trust_checkpoint):
        conversion = convert_affinitynet_file(args.source, args.target, args.to)
    if args.to == 'ours':
        print(f'model = {pprint.pformat(conversion.model, sort_dicts=False)}')
    print(args.target)


if __name__ == '__main__':
    main()

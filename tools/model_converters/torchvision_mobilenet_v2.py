"""Convert torchvision's MobileNetV2 weights into weights of MMSeg's MobileNetV2 backbone.

Example::

    python tools/model_converters/torchvision_mobilenet_v2.py \
        mobilenet_v2.pth data/weights/mobilenetv2_mmseg.pth
"""

import argparse
import sys


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', help='state dict of torchvision.models.mobilenet_v2')
    parser.add_argument('target', help='.pth file to write')
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='allow the source to run code when it is loaded',
    )
    return parser.parse_args()


def main() -> int:
    """Convert.

    Returns:
        int: Exit status, 1 if the source cannot be converted.
    """
    args = parse_args()
    from label_efficient_seg.converters import convert_file
    from label_efficient_seg.engine import checkpoint

    checkpoint.secure_loading(args.trust_checkpoint)
    try:
        convert_file(args.source, args.target)
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(args.target)
    return 0


if __name__ == '__main__':
    sys.exit(main())

"""Convert torchvision's MobileNetV2 weights into weights of MMSeg's MobileNetV2 backbone.

Example::

    python tools/model_converters/torchvision_mobilenet_v2.py \
        mobilenet_v2.pth data/weights/mobilenetv2_mmseg.pth
"""

import argparse


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


def main() -> None:
    """Convert."""
    args = parse_args()
    from label_efficient_seg.converters import convert_file
    from label_efficient_seg.core.errors import readable_errors
    from label_efficient_seg.core.weights import trusting_checkpoints

    with readable_errors(), trusting_checkpoints(args.trust_checkpoint):
        convert_file(args.source, args.target)
    print(args.target)


if __name__ == '__main__':
    main()

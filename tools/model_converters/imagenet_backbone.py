"""Convert the ImageNet weights that AffinityNet's backbones start from.

Example::

    python tools/model_converters/imagenet_backbone.py mxnet-resnet38 \
        ilsvrc-cls_rna-a1_cls1000_ep-0001.params data/weights/resnet38.pth
"""

import argparse


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('kind', choices=['mxnet-resnet38', 'torchvision-vgg16'])
    parser.add_argument('source', help='weights to read')
    parser.add_argument('target', help='.pth file to write')
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='allow the source to run code when it is loaded',
    )
    return parser.parse_args()


def main() -> None:
    """Convert, and print what was left out."""
    args = parse_args()
    from label_efficient_seg.converters import convert_backbone_file
    from label_efficient_seg.core.errors import readable_errors
    from label_efficient_seg.core.weights import trusting_checkpoints

    with readable_errors(), trusting_checkpoints(args.trust_checkpoint):
        conversion = convert_backbone_file(args.source, args.target, args.kind)
    for note in conversion.notes:
        print(f'note: {note}')
    print(args.target)


if __name__ == '__main__':
    main()

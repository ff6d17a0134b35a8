"""Convert weights that SIGN released: encoder, generator, discriminator and classifier.

Example::

    python tools/model_converters/sign.py models_transfer/00006000.pth data/weights/sign_voc.pth \
        --dataset voc
"""

import argparse
import pprint


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', help='checkpoint to read')
    parser.add_argument('target', help='.pth file to write')
    parser.add_argument('--dataset', choices=['voc', 'context', 'coco-stuff'], required=True)
    parser.add_argument(
        '--embeddings',
        nargs='+',
        help='word vectors for the config of the model, such as a .npz file of '
        'tools/make_class_embeddings.py; Context needs them',
    )
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='allow the source to run code when it is loaded',
    )
    return parser.parse_args()


def main() -> None:
    """Convert, and print the config of the model and what was left out."""
    args = parse_args()
    from label_efficient_seg.converters import convert_sign_file
    from label_efficient_seg.core.errors import readable_errors
    from label_efficient_seg.core.weights import trusting_checkpoints

    with readable_errors(), trusting_checkpoints(args.trust_checkpoint):
        conversion = convert_sign_file(args.source, args.target, args.dataset, args.embeddings)
    for note in conversion.notes:
        print(f'note: {note}')
    print(f'model = {pprint.pformat(conversion.model, sort_dicts=False)}')
    print(args.target)


if __name__ == '__main__':
    main()

"""Publish a trained method as a plain MMSeg model: config and weights, without this package."""

import argparse


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='training config')
    parser.add_argument('checkpoint', help='checkpoint of that config')
    parser.add_argument('out_dir', help='new folder for the plain config and its weights')
    parser.add_argument('--format', choices=['pth', 'safetensors'], default='pth')
    parser.add_argument(
        '--teacher', action='store_true', help='publish the averaged teacher, not the student'
    )
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='allow the checkpoint to run code when it is loaded',
    )
    return parser.parse_args()


def main() -> None:
    """Publish."""
    args = parse_args()
    from label_efficient_seg.core.errors import readable_errors
    from label_efficient_seg.core.weights import trusting_checkpoints
    from label_efficient_seg.engine import launch, publish

    with readable_errors(), trusting_checkpoints(args.trust_checkpoint):
        cfg = launch.load_config(args.config)
        config = publish.publish(cfg, args.checkpoint, args.out_dir, args.format, args.teacher)
        print(f'{config}\n{config.with_suffix("." + args.format)}')


if __name__ == '__main__':
    main()

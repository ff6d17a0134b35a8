"""Draw what SIGN makes of unseen classes: python tools/sign_panels.py CONFIG CHECKPOINT."""

import argparse

from mmengine.config import DictAction


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Draw, for test images with unseen classes, the prediction of a SIGN model and '
        'what pseudo labels would weigh in self-training; and real features of all classes beside '
        'generated ones.'
    )
    parser.add_argument(
        'config', help='config file, or name of one of the shipped configs, of a SIGN model'
    )
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--out', required=True, help='folder to write to')
    parser.add_argument('--num-images', type=int, default=4, help='number of panels; default: 4')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override values of the config, such as model.temperature=5',
    )
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='allow the checkpoint to run code when it is loaded',
    )
    return parser.parse_args()


def main() -> None:
    """Draw."""
    args = parse_args()
    from label_efficient_seg.core.weights import trusting_checkpoints
    from label_efficient_seg.engine import launch
    from label_efficient_seg.engine.errors import readable_errors
    from label_efficient_seg.jobs.sign_panels import SIGNPanels

    with readable_errors(), trusting_checkpoints(args.trust_checkpoint):
        cfg = launch.load_config(args.config, None, 'none', args.cfg_options)
        SIGNPanels(cfg, args.checkpoint, args.out, num_images=args.num_images).run()


if __name__ == '__main__':
    main()

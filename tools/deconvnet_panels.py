"""Draw what proposals and decoder layers do: python tools/deconvnet_panels.py CONFIG CHECKPOINT."""

import argparse

from mmengine.config import DictAction


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Draw, for some of the test images, the predictions of a DeconvNet with 1, 10 '
        'and 50 proposals, and one proposal layer by layer through the decoder.'
    )
    parser.add_argument(
        'config',
        help="config file, or name of one of the shipped configs, with test_cfg.mode='proposal'",
    )
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--out', required=True, help='folder to write to')
    parser.add_argument('--num-images', type=int, default=6, help='default: 6')
    parser.add_argument(
        '--counts',
        nargs='+',
        type=int,
        default=[1, 10, 50],
        metavar='N',
        help='numbers of proposals; default: 1 10 50',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override values of the config',
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
    from label_efficient_seg.jobs.deconvnet_panels import DeconvNetPanels

    with readable_errors(), trusting_checkpoints(args.trust_checkpoint):
        cfg = launch.load_config(args.config, None, 'none', args.cfg_options)
        DeconvNetPanels(
            cfg, args.checkpoint, args.out, num_images=args.num_images, counts=args.counts
        ).run()


if __name__ == '__main__':
    main()

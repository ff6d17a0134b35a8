"""Write class activation maps: python tools/make_cams.py CONFIG CHECKPOINT --out DIR.

On several GPUs, or on several CPU processes, each of which uses one core::

    python -m torch.distributed.run --nproc_per_node=2 tools/make_cams.py CONFIG CHECKPOINT \
        --out DIR --launcher pytorch
"""

import argparse

from mmengine.config import DictAction


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Write the class activation maps (CAMs) of the images of the '
        "config's test_dataloader (AffinityNet, step 1), and their mIoU where there are masks. An "
        'interrupted run continues where it was.'
    )
    parser.add_argument('config', help='config file, or name of one of the shipped configs')
    parser.add_argument('checkpoint', help='checkpoint file of the classifier')
    parser.add_argument('--out', required=True, help='folder to write to')
    parser.add_argument(
        '--alpha',
        type=float,
        default=16,
        help='power of the background for which the mIoU is reported, besides that at the best '
        'threshold; default: 16',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override values of the config',
    )
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='allow the checkpoint to run code when it is loaded',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.alpha <= 0:
        parser.error('--alpha must be positive')
    return args


def main() -> None:
    """Write CAMs."""
    args = parse_args()
    from label_efficient_seg.core.weights import trusting_checkpoints
    from label_efficient_seg.engine import launch
    from label_efficient_seg.engine.errors import readable_errors
    from label_efficient_seg.jobs.cams import CAMInference

    with readable_errors(), trusting_checkpoints(args.trust_checkpoint):
        cfg = launch.load_config(args.config, None, args.launcher, args.cfg_options)
        CAMInference(cfg, args.checkpoint, args.out, alpha=args.alpha).run()


if __name__ == '__main__':
    main()

"""Divide target images into easy and hard ones: python tools/rank_target.py CONFIG CHECKPOINT.

On several GPUs, or on several CPU processes, each of which uses one core::

    python -m torch.distributed.run --nproc_per_node=2 tools/rank_target.py CONFIG CHECKPOINT \
        --out DIR --launcher pytorch
"""

import argparse
from fractions import Fraction

from mmengine.config import DictAction


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Rank the unlabeled target images of a config by the entropy of the '
        "model's predictions (IntraDA, step 2). Writes the lists easy.txt and hard.txt, pseudo "
        'labels, and figures. An interrupted run continues where it was.'
    )
    parser.add_argument('config', help='config file, or name of one of the shipped configs')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--out', required=True, help='folder to write to')
    parser.add_argument(
        '--ratio', type=Fraction, default='0.67', help='easy share of the images; default: 0.67'
    )
    parser.add_argument('--stream', default='target', help='stream of the target images')
    parser.add_argument(
        '--normalize-rare',
        action='store_true',
        help='multiply the score of an image by (K - k) / K + 1/2 if k of the K rare classes are '
        'predicted in it. Off in the paper; the command that the released code documents has it '
        'on, because that code reads "--normalize False" as true',
    )
    parser.add_argument(
        '--rare-classes',
        nargs='+',
        metavar='NAME',
        help='rare classes of a dataset with other classes than Cityscapes',
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
    if args.rare_classes and not args.normalize_rare:
        parser.error('--rare-classes has no effect without --normalize-rare')
    return args


def main() -> None:
    """Rank."""
    args = parse_args()
    from label_efficient_seg.core.weights import trusting_checkpoints
    from label_efficient_seg.engine import launch
    from label_efficient_seg.engine.errors import readable_errors
    from label_efficient_seg.jobs.ranking import CITYSCAPES_RARE_CLASSES, EntropyRanking

    with readable_errors(), trusting_checkpoints(args.trust_checkpoint):
        cfg = launch.load_config(args.config, None, args.launcher, args.cfg_options)
        EntropyRanking(
            cfg,
            args.checkpoint,
            args.out,
            ratio=args.ratio,
            normalize_rare=args.normalize_rare,
            rare_classes=args.rare_classes or CITYSCAPES_RARE_CLASSES,
            stream=args.stream,
        ).run()


if __name__ == '__main__':
    main()

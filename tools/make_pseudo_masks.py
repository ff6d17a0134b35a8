"""Refine CAMs into pseudo masks: python tools/make_pseudo_masks.py CONFIG CHECKPOINT --cams DIR.

On several GPUs, or on several CPU processes, each of which uses one core::

    python -m torch.distributed.run --nproc_per_node=2 tools/make_pseudo_masks.py \
        CONFIG CHECKPOINT --cams DIR --out DIR --launcher pytorch
"""

import argparse

from mmengine.config import DictAction


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Refine CAMs by a random walk along the affinities of a trained AffinityNet '
        'and by a CRF, and write them as masks to train a segmentation network with (AffinityNet, '
        'step 4). An interrupted run continues where it was.'
    )
    parser.add_argument('config', help='config file, or name of one of the shipped configs')
    parser.add_argument('checkpoint', help='checkpoint file of the AffinityNet')
    parser.add_argument('--cams', required=True, help='folder "cams" that make_cams.py wrote')
    parser.add_argument('--out', required=True, help='folder to write to')
    parser.add_argument(
        '--alpha', type=float, default=16, help='power of the background; default: 16'
    )
    parser.add_argument(
        '--no-crf', dest='crf', action='store_false', help='leave out the CRF after the walk'
    )
    parser.add_argument(
        '--min-confidence',
        type=float,
        default=0,
        metavar='SHARE',
        help='leave pixels neutral whose best class has less than this share of all scores; '
        'default: 0, none, as in the paper',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override values of the config; those of the walk are model.beta, model.steps and '
        'model.border',
    )
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='allow the checkpoint to run code when it is loaded',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Refine."""
    args = parse_args()
    from label_efficient_seg.core.weights import trusting_checkpoints
    from label_efficient_seg.engine import launch
    from label_efficient_seg.engine.errors import readable_errors
    from label_efficient_seg.jobs.pseudo_masks import PseudoMasks

    with readable_errors(), trusting_checkpoints(args.trust_checkpoint):
        cfg = launch.load_config(args.config, None, args.launcher, args.cfg_options)
        PseudoMasks(
            cfg,
            args.checkpoint,
            args.cams,
            args.out,
            alpha=args.alpha,
            crf=args.crf,
            min_confidence=args.min_confidence,
        ).run()


if __name__ == '__main__':
    main()

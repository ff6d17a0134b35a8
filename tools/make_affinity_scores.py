"""Refine CAMs by a CRF: python tools/make_affinity_scores.py CONFIG --cams DIR --out DIR.

On several GPUs, or on several CPU processes, each of which uses one core::

    python -m torch.distributed.run --nproc_per_node=2 tools/make_affinity_scores.py \
        CONFIG --cams DIR --out DIR --launcher pytorch
"""

import argparse

from mmengine.config import DictAction


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Refine CAMs by a CRF with a low and a high power of the background, from '
        'which AffinityNet learns where the labels are certain (AffinityNet, step 2). An '
        'interrupted run continues where it was.'
    )
    parser.add_argument('config', help='config file, or name of one of the shipped configs')
    parser.add_argument('--cams', required=True, help='folder "cams" that make_cams.py wrote')
    parser.add_argument('--out', required=True, help='folder to write to')
    parser.add_argument(
        '--low-alpha',
        type=float,
        default=4,
        help='power that overrates the background; default: 4',
    )
    parser.add_argument(
        '--high-alpha',
        type=float,
        default=32,
        help='power that underrates the background; default: 32, as in the released code. The '
        'paper has 24',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override values of the config',
    )
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Refine."""
    args = parse_args()
    from label_efficient_seg.engine import launch
    from label_efficient_seg.engine.errors import readable_errors
    from label_efficient_seg.jobs.affinity_scores import AffinityScores

    with readable_errors():
        cfg = launch.load_config(args.config, None, args.launcher, args.cfg_options)
        AffinityScores(
            cfg, args.cams, args.out, low_alpha=args.low_alpha, high_alpha=args.high_alpha
        ).run()


if __name__ == '__main__':
    main()

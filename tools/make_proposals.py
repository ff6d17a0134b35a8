"""Write object proposals: python tools/make_proposals.py CONFIG --out DIR.

On several CPU processes, each of which uses one core::

    python -m torch.distributed.run --nproc_per_node=2 tools/make_proposals.py CONFIG --out DIR \
        --launcher pytorch
"""

import argparse

from mmengine.config import DictAction


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Write boxes that may hold an object, for the images of the '
        "config's test_dataloader (DeconvNet), and their recall where there are masks. An "
        'interrupted run continues where it was.'
    )
    parser.add_argument('config', help='config file, or name of one of the shipped configs')
    parser.add_argument('--out', required=True, help='folder to write to')
    parser.add_argument(
        '--method',
        default='windows',
        choices=['windows', 'edge_boxes', 'selective_search'],
        help='how boxes are found; all but windows, the default, need opencv-contrib-python',
    )
    parser.add_argument(
        '--num', type=int, default=2000, help='proposals of an image at most; default: 2000'
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
    args = parser.parse_args()
    if args.num < 1:
        parser.error('--num must be positive')
    return args


def main() -> None:
    """Write proposals."""
    args = parse_args()
    from label_efficient_seg.engine import launch
    from label_efficient_seg.engine.errors import readable_errors
    from label_efficient_seg.jobs.proposals import ProposalMaking

    with readable_errors():
        cfg = launch.load_config(args.config, None, args.launcher, args.cfg_options)
        ProposalMaking(cfg, args.out, method=args.method, num=args.num).run()


if __name__ == '__main__':
    main()

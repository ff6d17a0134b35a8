"""Train a model: python tools/train.py CONFIG."""

import argparse

from mmengine.config import DictAction


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description='Train a segmentor.')
    parser.add_argument('config', help='config file, or name of one of the shipped configs')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument(
        '--resume',
        action='store_true',
        help='continue from the newest complete checkpoint in the work dir',
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision for every optimizer')
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
        help='allow checkpoints to run code when they are loaded',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Train."""
    args = parse_args()
    from label_efficient_seg.core.errors import readable_errors
    from label_efficient_seg.core.weights import trusting_checkpoints
    from label_efficient_seg.engine import launch, work_folder

    with readable_errors(), trusting_checkpoints(args.trust_checkpoint):
        cfg = launch.load_config(args.config, args.work_dir, args.launcher, args.cfg_options)
        launch.check_trainable(cfg)
        if args.amp:
            launch.enable_amp(cfg)
        if args.resume:
            launch.set_resume(cfg)
        with work_folder.claimed_folder(cfg), launch.named_arguments(cfg):
            launch.init_cpu_processes(cfg)
            launch.build_runner(cfg).train()


if __name__ == '__main__':
    main()

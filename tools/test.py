"""Test a checkpoint: python tools/test.py CONFIG CHECKPOINT."""

import argparse

from mmengine.config import DictAction


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description='Test a segmentor.')
    parser.add_argument('config', help='config file, or name of one of the shipped configs')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--work-dir', help='folder for the log and the figures')
    parser.add_argument('--out', help='folder for predictions as PNG files of class indices')
    parser.add_argument(
        '--show-dir', help='folder for panels: image, ground truth, prediction, ...'
    )
    parser.add_argument('--tta', action='store_true', help='average over scales and flips')
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
    return parser.parse_args()


def main() -> None:
    """Test."""
    args = parse_args()
    from label_efficient_seg.core.errors import readable_errors
    from label_efficient_seg.core.weights import trusting_checkpoints
    from label_efficient_seg.engine import launch

    with readable_errors(), trusting_checkpoints(args.trust_checkpoint):
        cfg = launch.load_config(args.config, args.work_dir, args.launcher, args.cfg_options)
        launch.prepare_test(cfg, args.checkpoint, args.out, args.show_dir, args.tta)
        launch.init_cpu_processes(cfg)
        with launch.named_arguments(cfg):
            launch.build_runner(cfg).test()


if __name__ == '__main__':
    main()

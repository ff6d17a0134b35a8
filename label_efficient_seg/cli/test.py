"""Test a checkpoint on the images of a config that have masks.

Examples::

    les test advsemi/deeplabv2_r101_voc_semi work_dirs/deeplabv2_r101_voc_semi/iter_20000.pth
    les test my_config.py best.pth --out predictions --show-dir panels --tta

For several GPUs see tools/dist_test.sh and tools/slurm_test.sh.
"""

import argparse

from .arguments import add_cfg_options, add_config, add_launcher, add_trust, read_cfg_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the words of the verb."""
    add_config(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--work-dir', help='folder for the log and the metrics')
    parser.add_argument('--out', help='folder for predictions as PNG files of class indices')
    parser.add_argument(
        '--show-dir', help='folder for panels: image, ground truth, prediction, ...'
    )
    parser.add_argument('--tta', action='store_true', help='average over scales and flips')
    add_cfg_options(parser)
    add_launcher(parser)
    add_trust(parser)


def run(args: argparse.Namespace) -> None:
    """Test."""
    from .. import api

    api.test(
        args.config,
        args.checkpoint,
        args.work_dir,
        out=args.out,
        show_dir=args.show_dir,
        tta=args.tta,
        cfg_options=read_cfg_options(args),
        launcher=args.launcher,
        trust_checkpoint=args.trust_checkpoint,
    )

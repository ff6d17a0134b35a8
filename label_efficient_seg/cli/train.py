"""Train a config.

Examples::

    les train advsemi/deeplabv2_r101_voc_semi
    les train my_config.py --work-dir work_dirs/mine --resume
    les train my_config.py --cfg-options train_cfg.max_iters=100 randomness.seed=1

For several GPUs see tools/dist_train.sh and tools/slurm_train.sh.
"""

import argparse

from .arguments import (
    add_amp,
    add_cfg_options,
    add_config,
    add_launcher,
    add_trust,
    read_cfg_options,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the words of the verb."""
    add_config(parser)
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument(
        '--resume',
        action='store_true',
        help='continue from the newest complete checkpoint in the work dir',
    )
    add_amp(parser)
    add_cfg_options(parser)
    add_launcher(parser)
    add_trust(parser, 'checkpoints')


def run(args: argparse.Namespace) -> None:
    """Train."""
    from .. import api

    api.train(
        args.config,
        args.work_dir,
        resume=args.resume,
        amp=args.amp,
        cfg_options=read_cfg_options(args),
        launcher=args.launcher,
        trust_checkpoint=args.trust_checkpoint,
    )

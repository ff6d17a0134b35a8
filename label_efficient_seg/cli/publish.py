r"""Publish a trained method as a plain MMSeg model: config and weights, without this package.

Example::

    les publish advsemi/deeplabv2_r101_voc_semi \
        work_dirs/deeplabv2_r101_voc_semi/iter_20000.pth model/
"""

import argparse

from .arguments import add_trust


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the words of the verb."""
    parser.add_argument('config', help='training config')
    parser.add_argument('checkpoint', help='checkpoint of that config')
    parser.add_argument('out_dir', help='new folder for the plain config and its weights')
    parser.add_argument('--format', choices=['pth', 'safetensors'], default='pth')
    parser.add_argument(
        '--teacher', action='store_true', help='publish the averaged teacher, not the student'
    )
    add_trust(parser)


def run(args: argparse.Namespace) -> None:
    """Publish."""
    from .. import api

    config = api.publish(
        args.config,
        args.checkpoint,
        args.out_dir,
        format=args.format,
        teacher=args.teacher,
        trust_checkpoint=args.trust_checkpoint,
    )
    print(f'{config}\n{config.with_suffix("." + args.format)}')

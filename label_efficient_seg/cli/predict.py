r"""Write masks of photos, which need no masks and no config of their own.

The masks are PNG files of class indices, with the names of the photos. A photo that cannot be read
is named, the others are done, and the exit status is 1. The same command continues what was
interrupted, and does what is new.

Examples::

    les predict cracks/ photos/ --out predictions
    les predict published/ photos/ --out predictions
    les predict work_dirs/deeplabv2_r101_voc_semi a.jpg b.jpg --out predictions --overlay --crf
    les predict iter_20000.pth photos.txt --config advsemi/deeplabv2_r101_voc_semi --out predictions
"""

import argparse
from dataclasses import fields
from typing import get_type_hints

from ..job_settings import PredictSettings
from .arguments import add_cfg_options, add_launcher, add_trust, read_cfg_options
from .job import add_setting

OPTIONS = [
    setting for setting in fields(PredictSettings) if setting.name not in ('checkpoint', 'photos')
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the words of the verb."""
    parser.add_argument(
        'model',
        help='folder of les new, of a published model, or of a training; or a checkpoint',
    )
    parser.add_argument(
        'photos', nargs='+', help='images, folders of images, and .txt lists of images'
    )
    parser.add_argument('--out', required=True, help='folder to write to')
    parser.add_argument(
        '--config', help='config file or name of a shipped config; default: beside the checkpoint'
    )
    hints = get_type_hints(PredictSettings)
    for setting in OPTIONS:
        add_setting(parser, setting, hints[setting.name])
    add_cfg_options(parser)
    add_launcher(parser)
    add_trust(parser)


def run(args: argparse.Namespace) -> int:
    """Predict, and name the photos that could not be read."""
    from .. import api

    failed = api.predict(
        args.model,
        args.photos,
        args.out,
        config=args.config,
        cfg_options=read_cfg_options(args),
        launcher=args.launcher,
        trust_checkpoint=args.trust_checkpoint,
        **{setting.name: getattr(args, setting.name) for setting in OPTIONS},
    )
    for name, reason in failed.items():
        print(f'no mask of {name}: {reason}')
    return int(bool(failed))

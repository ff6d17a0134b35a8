"""The command line of a job, made from its settings."""

import argparse
from collections.abc import Sequence
from dataclasses import Field, fields
from typing import Any, get_args, get_origin, get_type_hints

from mmengine.config import DictAction

from ..core.errors import UserError, readable_errors
from ..core.weights import trusting_checkpoints
from ..engine import launch
from ..jobs.base import Job
from ..jobs.settings import flag, is_input


def main(job: type[Job], words: Sequence[str] | None = None) -> None:
    """Run a job as the command line says.

    Args:
        job (type[Job]): The job.
        words (Sequence[str], optional): The command line; that of this process if absent.
    """
    args, settings = parse(job, words)
    with readable_errors(), trusting_checkpoints(args.trust_checkpoint):
        cfg = launch.load_config(args.config, None, args.launcher, args.cfg_options)
        job(cfg, args.out, settings).run()


def parse(job: type[Job], words: Sequence[str] | None = None) -> tuple[argparse.Namespace, Any]:
    """Read a command line.

    Args:
        job (type[Job]): The job.
        words (Sequence[str], optional): The command line; that of this process if absent.

    Returns:
        tuple[Namespace, Any]: ``config``, ``out``, ``cfg_options``, ``launcher`` and
        ``trust_checkpoint``; and the job's settings.

    Raises:
        SystemExit: If there is a mistake in the command line.
    """
    parser = build_parser(job)
    args = parser.parse_args(words)
    values = {setting.name: getattr(args, setting.name) for setting in fields(job.Settings)}
    try:
        return args, job.Settings(**values)
    except UserError as error:
        parser.error(str(error))


def build_parser(job: type[Job]) -> argparse.ArgumentParser:
    """The parser of a job's command line."""
    parser = argparse.ArgumentParser(description=job.description())
    parser.add_argument('config', help='config file, or name of one of the shipped configs')
    hints = get_type_hints(job.Settings)
    for setting in fields(job.Settings):
        _add_setting(parser, setting, hints[setting.name])
    parser.add_argument('--out', required=True, help='folder to write to')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override values of the config',
    )
    parser.set_defaults(launcher='none', trust_checkpoint=False)
    if job.distributed:
        launchers = ['none', 'pytorch', 'slurm', 'mpi']
        parser.add_argument('--launcher', choices=launchers, default='none')
        parser.add_argument('--local_rank', '--local-rank', type=int, help=argparse.SUPPRESS)
    if 'checkpoint' in hints:
        parser.add_argument(
            '--trust-checkpoint',
            action='store_true',
            help='allow the checkpoint to run code when it is loaded',
        )
    return parser


def _add_setting(parser: argparse.ArgumentParser, setting: Field, hint: Any) -> None:
    keywords: dict[str, Any] = dict(help=setting.metadata['help'])
    if setting.name == 'checkpoint':
        parser.add_argument('checkpoint', **keywords)
        return
    if is_input(setting):
        keywords['required'] = True
    else:
        keywords['default'] = setting.default
        if not isinstance(setting.default, bool) and setting.default != ():
            keywords['help'] += '; default: %(default)s'
    if get_origin(hint) is Sequence:
        keywords['nargs'], hint = '+', get_args(hint)[0]
    if hint is bool:
        keywords['action'] = argparse.BooleanOptionalAction
    else:
        keywords['type'] = setting.metadata['type'] or hint
    parser.add_argument(flag(setting.name), **keywords)

"""The verbs of jobs, made from their settings."""

import argparse
import inspect
from collections.abc import Sequence
from dataclasses import Field, fields
from typing import Any, get_args, get_origin, get_type_hints

from ..core.errors import UserError
from ..job_settings import JOBS, flag, is_input
from .arguments import add_cfg_options, add_config, add_launcher, add_trust, read_cfg_options


class Verb:
    """Runs a job; looks like the module of a verb.

    Args:
        name (str): One of ``JOBS``.
    """

    def __init__(self, name: str) -> None:
        self.name, self.settings = name, JOBS[name]
        self.__doc__ = inspect.getdoc(self.settings)

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the words of the job."""
        add_config(parser)
        hints = get_type_hints(self.settings)
        for setting in fields(self.settings):  # type: ignore[arg-type]
            add_setting(parser, setting, hints[setting.name])
        parser.add_argument('--out', required=True, help='folder to write to')
        add_cfg_options(parser)
        parser.set_defaults(launcher='none', trust_checkpoint=False)
        if self.settings.distributed:
            add_launcher(parser)
        if 'checkpoint' in hints:
            add_trust(parser)

    def run(self, args: argparse.Namespace) -> None:
        """Run the job."""
        from .. import api

        getattr(api, self.name.replace('-', '_'))(
            args.config,
            args.out,
            self.read_settings(args),
            cfg_options=read_cfg_options(args),
            launcher=args.launcher,
            trust_checkpoint=args.trust_checkpoint,
        )

    def read_settings(self, args: argparse.Namespace) -> Any:
        """The settings of a command line.

        Args:
            args (Namespace): What was read, with its ``parser``.

        Raises:
            SystemExit: If the settings do not accept a value.
        """
        names = [setting.name for setting in fields(self.settings)]  # type: ignore[arg-type]
        try:
            return self.settings(**{name: getattr(args, name) for name in names})
        except UserError as error:
            args.parser.error(str(error))


def add_setting(parser: argparse.ArgumentParser, setting: Field, hint: Any) -> None:
    """Add the option that stands for a field of settings; ``hint`` is its type."""
    keywords: dict[str, Any] = dict(help=setting.metadata['help'])
    if setting.name == 'checkpoint':
        parser.add_argument('checkpoint', **keywords)
        return
    if is_input(setting):
        keywords['required'] = True
    else:
        keywords['default'] = setting.default
        if not isinstance(setting.default, bool) and setting.default not in ('', ()):
            keywords['help'] += '; default: %(default)s'
    if get_origin(hint) is Sequence:
        keywords['nargs'], hint = '+', get_args(hint)[0]
    if hint is bool:
        keywords['action'] = argparse.BooleanOptionalAction
    else:
        keywords['type'] = setting.metadata['type'] or hint
    parser.add_argument(flag(setting.name), **keywords)

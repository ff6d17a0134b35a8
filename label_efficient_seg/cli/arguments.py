"""Arguments that several verbs have."""

import argparse
from typing import Any


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the positional argument ``config``."""
    parser.add_argument('config', help='config file, or name of one of the shipped configs')


def add_amp(parser: argparse.ArgumentParser) -> None:
    """Add ``--amp``."""
    parser.add_argument(
        '--amp',
        action='store_true',
        help='train faster: networks in half precision (fp16; on a CPU bfloat16) and channels-last',
    )


def add_cfg_options(parser: argparse.ArgumentParser, of: str = 'the config') -> None:
    """Add ``--cfg-options``, which :func:`read_cfg_options` reads.

    Args:
        parser (ArgumentParser): Changed in place.
        of (str): What the values are in, for the help.
    """
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        type=_assignment,
        metavar='KEY=VALUE',
        help=f'override values of {of}, as in model.semi_start=100 or train_cfg.max_iters=20',
    )


def _assignment(word: str) -> str:
    if not word.partition('=')[1]:
        raise argparse.ArgumentTypeError(f'{word!r} is not of the form KEY=VALUE')
    return word


def read_cfg_options(args: argparse.Namespace) -> dict[str, Any] | None:
    """Values by dotted key, read as MMEngine reads them.

    Args:
        args (Namespace): From a parser with ``--cfg-options``.

    Returns:
        dict[str, Any] | None: None without the option.
    """
    from ..core.stack_internals import parse_option

    if args.cfg_options is None:
        return None
    pairs = (word.split('=', 1) for word in args.cfg_options)
    return {key: parse_option(text) for key, text in pairs}


def add_launcher(parser: argparse.ArgumentParser) -> None:
    """Add ``--launcher``, and the option that old launchers add to the words of each process."""
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='what has started this process as one of several',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, help=argparse.SUPPRESS)


def add_trust(parser: argparse.ArgumentParser, what: str = 'the checkpoint') -> None:
    """Add ``--trust-checkpoint``.

    Args:
        parser (ArgumentParser): Changed in place.
        what (str): What is trusted, for the help.
    """
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help=f'allow {what} to run code when it is loaded, for files from a source you trust',
    )

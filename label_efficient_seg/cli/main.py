"""The parser of the command ``les``, and its ``main``."""

import argparse
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from ..core.errors import readable_errors
from ..job_settings import JOBS
from ..version import __version__
from . import (
    browse,
    check,
    compare,
    convert,
    embeddings,
    export_masks,
    import_masks,
    job,
    new,
    predict,
    publish,
    report,
    run,
    split,
    test,
    train,
)

VERBS: dict[str, Any] = {
    'new': new,
    'train': train,
    'test': test,
    'run': run,
    'compare': compare,
    'report': report,
    'check': check,
    'browse': browse,
    'predict': predict,
    'publish': publish,
    'convert': convert,
    'export': export_masks,
    'import': import_masks,
    'split': split,
    'embeddings': embeddings,
    **{verb: job.Verb(verb) for verb in JOBS},
}
"""Modules, and what looks like one, by verb."""

EXAMPLES = """
A CONFIG is a file, or the name of one that is shipped. Each verb has its own help and examples.

examples:
  les check advsemi/deeplabv2_r101_voc_semi
  les train advsemi/deeplabv2_r101_voc_semi
  les test advsemi/deeplabv2_r101_voc_semi work_dirs/deeplabv2_r101_voc_semi/iter_20000.pth
  les run advsemi/workflow_toy --seeds 0 1 2
  les run --help
"""


def main(words: Sequence[str] | None = None) -> int:
    """Do what a command line says.

    Args:
        words (Sequence[str], optional): What follows ``les``; that of this process if absent.

    Returns:
        int: Exit status.
    """
    parser, verbs = build_parser()
    args = parser.parse_args(words)
    args.parser = verbs[args.verb]
    with readable_errors():
        _register()
        return VERBS[args.verb].run(args) or 0


def _register() -> None:
    from .. import register

    # Advice of MMSegmentation about sizes and losses, on which a user cannot act.
    for text in ('When align_corners=True', 'Default ``avg_non_ignore``'):
        warnings.filterwarnings('ignore', text)
    try:
        register()
    except ImportError as error:
        sys.exit(f'error: {error}')


def build_parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser of the command, and those of its verbs."""
    parser = argparse.ArgumentParser(
        prog='les',
        description='Semantic segmentation with few labels, weak ones or none.',
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=f'%(prog)s {__version__}')
    group = parser.add_subparsers(dest='verb', metavar='VERB', required=True)
    verbs = {}
    for name, module in VERBS.items():
        text = (module.__doc__ or '').replace(':class:', '').replace('`', '').replace('::\n', ':\n')
        verbs[name] = group.add_parser(
            name,
            help=text.partition('\n')[0].rstrip('.'),
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(verbs[name])
    return parser, verbs

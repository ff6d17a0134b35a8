"""Check the data of a config, or of a whole workflow, before training.

Reads every image and mask that it trains or tests on, and reports missing and corrupt
files, wrong sizes and labels, and faulty splits. The exit status is 1 if there is any finding.

Examples::

    les check cracks/
    les check advsemi/deeplabv2_r101_voc_semi
    les check my_config.py --max-images 100 --show 50
"""

import argparse
from pathlib import Path

from .arguments import add_cfg_options, read_cfg_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the words of the verb."""
    parser.add_argument('config', help='config file, name of a shipped one, or folder of les new')
    add_cfg_options(parser)
    parser.add_argument('--workers', type=int, help='threads that read files')
    parser.add_argument(
        '--max-images',
        type=int,
        metavar='N',
        help='read at most N images of each stream, evenly spaced',
    )
    parser.add_argument(
        '--show',
        type=int,
        default=10,
        metavar='N',
        help='findings listed of each kind in each stream (default: 10)',
    )


def run(args: argparse.Namespace) -> int:
    """Check and print the report."""
    from .. import api
    from ..datasets.checks.check_report import format_report

    options = dict(
        workers=args.workers, max_images=args.max_images, cfg_options=read_cfg_options(args)
    )
    if not Path(args.config).is_dir():
        report = api.check(args.config, **options)
        print(format_report(report, args.show))
        return int(bool(report.findings))
    reports = api.check_project(args.config, **options)
    for name, report in reports.items():
        print(f'{name}\n\n{format_report(report, args.show)}\n')
    return int(any(report.findings for report in reports.values()))

"""Write an HTML report of trainings: metrics, curves and panels of their work folders.

Examples::

    les report cracks/
    les report work_dirs/supervised work_dirs/advsemi --out report.html
    les report work_dirs/advsemi_seed{0,1,2} work_dirs/supervised_seed{0,1,2}
"""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the words of the verb."""
    parser.add_argument(
        'work_dirs',
        nargs='+',
        metavar='WORK_DIR',
        help='folder of les new, or work folders; those called NAME_seed0, NAME_seed1, ... are '
        'drawn as one run',
    )
    parser.add_argument(
        '--out', help='HTML file; default: report.html, beside the runs of a folder of les new'
    )
    parser.add_argument('--title', default='Training report', help='title of the page')
    parser.add_argument(
        '--panels', type=int, default=4, metavar='N', help='panels per run (default: %(default)s)'
    )


def run(args: argparse.Namespace) -> None:
    """Build and save the report."""
    from .. import api

    print(api.report(args.work_dirs, args.out, title=args.title, panels=args.panels))

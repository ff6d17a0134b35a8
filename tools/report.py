"""Write an HTML report of trainings: metrics, curves and panels of their work folders.

Example::

    python tools/report.py work_dirs/supervised work_dirs/advsemi --out report.html
    python tools/report.py work_dirs/advsemi_seed{0,1,2} work_dirs/supervised_seed{0,1,2}
"""

import argparse

from label_efficient_seg.core.errors import readable_errors
from label_efficient_seg.workflows import build_run_report


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'work_dirs',
        nargs='+',
        metavar='WORK_DIR',
        help='work folders; those called NAME_seed0, NAME_seed1, ... are drawn as one run',
    )
    parser.add_argument('--out', default='report.html', help='HTML file (default: %(default)s)')
    parser.add_argument('--title', default='Training report', help='title of the page')
    parser.add_argument(
        '--panels', type=int, default=4, metavar='N', help='panels per run (default: %(default)s)'
    )
    return parser.parse_args()


def main() -> None:
    """Build and save the report."""
    args = parse_args()
    with readable_errors():
        report = build_run_report(args.work_dirs, args.title, max_panels=args.panels)
        print(report.save(args.out))


if __name__ == '__main__':
    main()

"""Check the data of a config before training: python tools/check_dataset.py CONFIG."""

import argparse
import sys

from mmengine.config import DictAction


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Read every image and mask that a config trains or tests on and report missing '
        'and corrupt files, wrong sizes and labels, and faulty splits. Exit status 1 if there is '
        'any finding.'
    )
    parser.add_argument('config', help='config file, or name of one of the shipped configs')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override values of the config',
    )
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
    return parser.parse_args()


def main() -> int:
    """Check a config and print the report.

    Returns:
        int: Exit status, 1 if there is any finding.
    """
    args = parse_args()
    from label_efficient_seg.core.errors import readable_errors
    from label_efficient_seg.datasets.checks.check_report import format_report
    from label_efficient_seg.datasets.checks.checking import check_config
    from label_efficient_seg.engine.launch import load_config

    with readable_errors():
        cfg = load_config(args.config, cfg_options=args.cfg_options)
        report = check_config(cfg, args.workers, args.max_images)
        print(format_report(report, args.show))
    return int(bool(report.findings))


if __name__ == '__main__':
    sys.exit(main())

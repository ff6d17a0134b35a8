"""Convert the labels of GTA5, SYNTHIA or Synscapes to masks of Cityscapes' train ids.

Example::

    python tools/dataset_converters/to_train_ids.py gta5 data/gta5
"""

import argparse
import sys


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Write labels_train_ids/ and the list labels_train_ids.txt below ROOT. Masks '
        'that exist are checked and kept, so run it again after an interruption. Exit status 1 if '
        'an image has no sound mask.'
    )
    parser.add_argument('dataset', choices=('gta5', 'synthia', 'synscapes'))
    parser.add_argument('root', help='folder of the dataset in its published layout')
    parser.add_argument('--workers', type=int, help='threads (default: usable cores, at most 16)')
    return parser.parse_args()


def main() -> int:
    """Convert.

    Returns:
        int: Exit status, 1 if an image has no sound mask.
    """
    args = parse_args()
    from label_efficient_seg.converters import convert_labels, format_summary
    from label_efficient_seg.core.errors import readable_errors

    with readable_errors():
        summary = convert_labels(args.dataset, args.root, args.workers)
    print(format_summary(summary))
    return int(bool(summary.faults))


if __name__ == '__main__':
    sys.exit(main())

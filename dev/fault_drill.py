"""Disturb small runs of all methods in every way that happens, and say what came of it.

Example::

    python dev/fault_drill.py --work-dir work_dirs/faults
    python dev/fault_drill.py --methods advsemi --faults kill full_disk --kills 5

Needs Linux. It exits with status 1 if anything was lost, or ended otherwise than undisturbed.
"""

import argparse
import os
import signal
import sys
from pathlib import Path


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--methods', nargs='+', help='default: all that have a toy workflow')
    parser.add_argument('--faults', nargs='+', help='default: all')
    parser.add_argument('--kills', type=int, default=20, help='of each method; default: 20')
    parser.add_argument('--seed', type=int, default=0, help='of the moments; default: 0')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/fault_drill'))
    parser.add_argument('--out', type=Path, help='default: outcomes.json in the work dir')
    return parser.parse_args()


def main() -> None:
    """Disturb and report."""
    args = parse_args()
    work_dir = args.work_dir.absolute()
    # Sums are rounded by the number of threads, and threads do not survive a fork.
    os.environ['OMP_NUM_THREADS'] = '1'
    os.environ['LABEL_EFFICIENT_SEG_CACHE'] = str(work_dir / 'cache')
    from faults.drill import run_drill

    from label_efficient_seg.core.errors import readable_errors

    # What it has started is ended as by Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with readable_errors():
        out = args.out or work_dir / 'outcomes.json'
        sound = run_drill(args.methods, args.faults, args.kills, args.seed, work_dir, out)
    sys.exit(not sound)


if __name__ == '__main__':
    main()

"""What the package adds to the start of a process: python dev/benchmarks/start.py."""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from collections import Counter
from pathlib import Path

from measuring import Table, write_results

ROOT = Path(__file__).parents[2]
STACK = 'import mmseg.models, mmseg.datasets, mmengine.runner, mmseg.apis'
IMPORT = f"""
import json, time
{STACK}
start = time.process_time()
import label_efficient_seg
print(json.dumps([start, time.process_time() - start]))
"""
TIMED = """
import os, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(time.perf_counter() - start)
"""
COMMANDS = {
    'les --help': ['-m', 'label_efficient_seg', '--help'],
    'les train --help': ['-m', 'label_efficient_seg', 'train', '--help'],
    'tools/train.py --help': ['tools/train.py', '--help'],
}
COLUMNS = {'source': '', 'stack s': '.2f', 'import s': '.2f', **dict.fromkeys(COMMANDS, '.2f')}


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description="Measure the processor time of MMSegmentation's import, what `import "
        'label_efficient_seg` adds to it in the same process, and how long the help of commands '
        'takes. Each number is the median; several checkouts run in turns.'
    )
    parser.add_argument(
        '--sources', nargs='+', type=Path, default=[ROOT], metavar='DIR', help='checkouts'
    )
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument(
        '--profile', action='store_true', help='the packages that the import takes longest for'
    )
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the results there, too')
    return parser.parse_args()


def main() -> None:
    """Measure all sources in turns, and print a table."""
    args = parse_args()
    sources = [source.resolve() for source in args.sources]
    found: dict[Path, dict[str, list[float]]] = {
        source: {name: [] for name in COLUMNS if name != 'source'} for source in sources
    }
    for turn in range(args.repeats + 1):
        for source, times in found.items():
            stack, added = json.loads(python(source, '-c', IMPORT))
            measured = {'stack s': stack, 'import s': added}
            for name, command in COMMANDS.items():
                measured[name] = float(python(source, '-c', TIMED, sys.executable, *command))
            if turn:  # the first one fills the caches of the disk
                for name, value in measured.items():
                    times[name].append(value)
    table = Table(COLUMNS)
    for source, times in found.items():
        table.add(source=source.name, **{k: statistics.median(v) for k, v in times.items()})
    if args.profile:
        for source in sources:
            print(f'\n{source.name}: own time of the modules that the import adds, by package')
            for package, seconds in profile(source).most_common(8):
                print(f'{package:>24}  {1000 * seconds:6.0f} ms')
    write_results(args, table.rows)


def python(source: Path, *words: str) -> str:
    """What a process of its own prints, in a checkout."""
    environment = dict(os.environ, PYTHONPATH=str(source), PYTHONWARNINGS='ignore')
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=source, env=environment, check=True, capture_output=True, text=True
    ).stdout.splitlines()[-1]


def profile(source: Path) -> Counter[str]:
    """Seconds of the modules that the package loads beyond the stack, by their package."""
    spent: Counter[str] = Counter()
    code = f'{STACK}\nimport sys\nprint("begin", file=sys.stderr)\nimport label_efficient_seg'
    environment = dict(os.environ, PYTHONPATH=str(source), PYTHONWARNINGS='ignore')
    errors = subprocess.run(
        [sys.executable, '-X', 'importtime', '-c', code],
        cwd=source,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stderr
    for line in errors.partition('\nbegin\n')[2].splitlines():
        if match := re.match(r'import time: +(\d+) \| +\d+ \| +([\w.]+)', line):
            spent[match[2].partition('.')[0]] += int(match[1]) / 1e6
    return spent


if __name__ == '__main__':
    main()

"""Stands for a training: counts to 4 in steps that outlive a kill, and starts in no time.

Its value is the seed, plus its setting, plus the values of its inputs.
"""

import argparse
import os
import sys
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument('folder', type=Path)
parser.add_argument('value', type=float)
parser.add_argument('inputs', nargs='*', type=Path)
parser.add_argument('--hold', type=Path, help='wait half-way while this file exists')
parser.add_argument('--fail', action='store_true')
parser.add_argument('--launcher')
args = parser.parse_args()

counter, unfinished = args.folder / 'counter', args.folder / '.counter'
start = int(counter.read_text()) if counter.exists() else 0
print(f'starts at {start}, {os.environ["OMP_NUM_THREADS"]} threads', flush=True)
for step in range(start + 1, 5):
    unfinished.write_text(str(step))
    unfinished.replace(counter)  # whole or absent, whenever it is killed
    print(f'counting: {step}/4 (... %)', flush=True)
    if step == 2:
        (args.folder / 'pid').write_text(str(os.getpid()))
    deadline = time.time() + 300
    while step == 2 and args.hold and args.hold.exists() and time.time() < deadline:
        time.sleep(0.01)
(args.folder / 'pid').unlink(missing_ok=True)
if args.fail:
    sys.exit('error: it was told to fail')
inputs = sum(float(file.read_text()) for file in args.inputs)
(args.folder / 'value.txt').write_text(str(args.value + inputs))

"""What a machine with a GPU says about this project: python dev/gpu_report.py --out DIR.

The parts run in the order of their importance, each in a process of its own, which a failed kernel
may take with it. Every result is written at once, to report.json and report.md: a run that is
called again with the same folder goes on where the last one ended.
"""

import argparse
import contextlib
import importlib
import json
import math
import os
import platform
import subprocess
import sys
import time
import traceback
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent / 'benchmarks'), str(Path(__file__).parents[1])]

# Before CUDA starts; deterministic products of matrices need it.
os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')

import torch  # noqa: E402
from gpu.common import Settings  # noqa: E402

from label_efficient_seg.core.atomic import write_atomically  # noqa: E402

PARTS = (
    'equal', 'precision', 'waits', 'speed', 'jobs', 'repeat', 'processes', 'compiled', 'trainings',
)  # fmt: skip
SMOKE_METHODS = ('advsemi', 'mic', 'deconvnet', 'sign-self-training')
HIDDEN = ('traceback', 'output')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n\n')[2])
    parser.add_argument('--out', type=Path, default=Path('work_dirs/gpu_report'))
    parser.add_argument('--minutes', type=float, default=25, help='of this call')
    parser.add_argument('--only', nargs='+', choices=PARTS, help='these parts, in this order')
    parser.add_argument('--methods', nargs='+', choices=Settings().methods)
    parser.add_argument('--smoke', action='store_true', help='very little of each, on a CPU')
    parser.add_argument('--again', action='store_true', help='also what failed before')
    parser.add_argument('--child', choices=PARTS, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if not args.smoke and not torch.cuda.is_available():
        parser.error('PyTorch finds no GPU here; --smoke tries the report on a CPU')
    return args


def main(argv: list[str] | None = None) -> None:
    """Run the parts, and print the report."""
    args = parse_args(argv)
    settings = Settings()
    if args.smoke:
        settings = replace(settings, smoke=True, device='cpu', methods=SMOKE_METHODS)
    if args.methods:
        settings = replace(settings, methods=tuple(args.methods))
    report = Report(args.out, settings)
    deadline = time.monotonic() + 60 * args.minutes
    if args.child:
        work(args.child, report, deadline)
        return
    if args.again:
        report.forget_failures()
    for name in args.only or PARTS:
        supervise(name, report, args, deadline)
    print(report.markdown())


def supervise(name: str, report: 'Report', args: argparse.Namespace, deadline: float) -> None:
    """Let child processes work on a part until it ends or the time is over."""
    part = importlib.import_module(f'gpu.{name}')
    while cases := report.open_cases(name):
        left = deadline - time.monotonic()
        if left < 10:
            print(f'{name}: no time left for {len(cases)} cases', flush=True)
            return
        limit = min(left, 120 * part.MINUTES)
        command = [
            sys.executable, __file__, '--child', name, '--out', str(args.out), '--minutes',
            f'{limit / 60:.3f}', *(['--smoke'] if args.smoke else []),
            '--methods', *report.settings.methods,
        ]  # fmt: skip
        process = subprocess.Popen(command)
        try:
            # It stops by itself between two cases.
            code = process.wait(limit + 5)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        report.read()
        if report.running is not None and limit < left:
            report.add(name, report.running, [dict(error=f'the process ended: {code}')])
        if code == 0 or len(report.open_cases(name)) == len(cases):
            print(f'{name}: ended with {len(report.open_cases(name))} cases left', flush=True)
            return


def work(name: str, report: 'Report', deadline: float) -> None:
    """Run the cases of a part that have no result; a failed device ends the process."""
    part = importlib.import_module(f'gpu.{name}')
    longest = 0.0
    for case in report.open_cases(name):
        start = time.monotonic()
        if start + longest > deadline:
            return
        report.begin(case)
        try:
            rows, fatal = part.run(case, report.settings), False
        except Exception as error:
            first = str(error).strip().splitlines()[:1]
            rows = [dict(error=f'{type(error).__name__}: {"".join(first)}'[:300])]
            rows[0]['traceback'] = traceback.format_exc()[-3000:]
            fatal = 'CUDA error' in str(error) or 'CUBLAS' in str(error) or 'CUDNN' in str(error)
        longest = max(longest, time.monotonic() - start)
        report.add(name, case, rows)
        print(f'{name}: {case}, {time.monotonic() - start:.1f} s', flush=True)
        if torch.cuda.is_available() and not fatal:
            torch.cuda.empty_cache()
        if fatal:
            sys.exit(1)


class Report:
    """Results of all parts, in a folder.

    Args:
        folder (Path): For ``report.json`` and ``report.md``.
        settings (Settings): Of the run.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder, self.settings = folder, settings
        folder.mkdir(parents=True, exist_ok=True)
        self.machine: dict[str, Any] = machine()
        self.parts: dict[str, dict[str, list[dict]]] = {}
        self.running: str | None = None
        self.read()

    def read(self) -> None:
        """Take over what is in the file."""
        with contextlib.suppress(FileNotFoundError):
            content = json.loads((self.folder / 'report.json').read_text())
            self.parts, self.running = content['parts'], content['running']

    def open_cases(self, name: str) -> list[str]:
        """Cases of a part that have no result."""
        cases = importlib.import_module(f'gpu.{name}').cases(self.settings)
        return [case for case in cases if case not in self.parts.get(name, {})]

    def begin(self, case: str) -> None:
        """Note what a process is about to do."""
        self.running = case
        self._write()

    def add(self, name: str, case: str, rows: list[dict]) -> None:
        """Note the result of a case."""
        self.running = None
        self.parts.setdefault(name, {})[case] = [dict(case=case) | row for row in rows]
        self._write()

    def forget_failures(self) -> None:
        """Drop cases with an error."""
        self.parts = {
            name: {case: rows for case, rows in cases.items() if 'error' not in rows[0]}
            for name, cases in self.parts.items()
        }
        self._write()

    def markdown(self) -> str:
        """The report."""
        lines = ['# GPU report', '', ', '.join(f'{k} {v}' for k, v in self.machine.items()), '']
        for name in PARTS:
            if self.parts.get(name):
                part = importlib.import_module(f'gpu.{name}')
                rows = [row for rows in self.parts[name].values() for row in rows]
                lines += [f'## {part.TITLE}', '', part.NOTE, '', *table(rows), '']
        return '\n'.join(lines)

    def _write(self) -> None:
        content = dict(
            machine=self.machine, settings=asdict(self.settings), running=self.running,
            parts=self.parts,
        )  # fmt: skip
        write_atomically(self.folder / 'report.json', json.dumps(content, indent=1) + '\n')
        write_atomically(self.folder / 'report.md', self.markdown())


def table(rows: list[dict]) -> list[str]:
    """Lines of a Markdown table with the keys of all rows."""
    columns = list(dict.fromkeys(key for row in rows for key in row if key not in HIDDEN))
    lines = ['| ' + ' | '.join(columns) + ' |', '|' + '---|' * len(columns)]
    cells = ([cell(row.get(column)) for column in columns] for row in rows)
    return lines + ['| ' + ' | '.join(row) + ' |' for row in cells]


def cell(value: object) -> str:
    """A value in few characters."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return '-'
    if isinstance(value, bool):
        return 'yes' if value else '**no**'
    if isinstance(value, float):
        return f'{value:.3g}' if abs(value) < 1000 else f'{value:.0f}'
    return str(value).replace('|', '/').replace('\n', ' ')


def machine() -> dict[str, Any]:
    """What the numbers depend on."""
    found = dict(torch=torch.__version__, python=platform.python_version(), cores=os.cpu_count())
    if torch.cuda.is_available():
        found['device'] = torch.cuda.get_device_name()
        found['cuDNN'] = torch.backends.cudnn.version()
    else:
        found['device'] = 'CPU'
    return found


if __name__ == '__main__':
    main()

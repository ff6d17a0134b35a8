"""The GPU report goes on where it ended, notes what failed, and each of its parts runs on a CPU."""

import importlib
import json
import math
import sys
import time
from types import SimpleNamespace

import pytest
import torch

from label_efficient_seg.core.config_index import resource_root

sys.path.insert(0, str(resource_root() / 'dev'))

import gpu_report  # noqa: E402
from gpu.common import HostRandomness, Settings, difference  # noqa: E402

SETTINGS = Settings(device='cpu', smoke=True, methods=('advsemi',))
# A quick case of each part; the others run whole commands, or compile.
CASES = dict(
    equal=('mmd_loss', 'advsemi bf16'),
    precision=('advsemi channels-last',),
    waits=('advsemi fp32',),
    speed=('advsemi toy',),
    jobs=('ranking',),
    repeat=('advsemi default',),
    processes=('all_reduce', 'advsemi'),
)


@pytest.fixture
def part(monkeypatch):
    """A part whose second case fails."""
    done = []

    def run(case: str, settings: Settings) -> list[dict]:
        done.append(case)
        if case == 'second':
            raise RuntimeError('no such kernel\nlong story')
        return [dict(value=0.12345, equal=case == 'first', output='long')]

    fake = SimpleNamespace(
        TITLE='Fake', NOTE='A note.', MINUTES=1, run=run, done=done,
        cases=lambda settings: ['first', 'second', 'third'],
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, 'gpu.fake', fake)
    monkeypatch.setattr(gpu_report, 'PARTS', ('fake',))
    return fake


def test_goes_on_where_it_ended(part, tmp_path):
    report = gpu_report.Report(tmp_path, SETTINGS)
    report.add('fake', 'first', [dict(value=1.0)])
    gpu_report.work('fake', gpu_report.Report(tmp_path, SETTINGS), time.monotonic() + 60)
    assert part.done == ['second', 'third']
    again = gpu_report.Report(tmp_path, SETTINGS)
    assert again.open_cases('fake') == []
    again.forget_failures()
    assert again.open_cases('fake') == ['second']


def test_starts_no_case_after_the_deadline(part, tmp_path):
    gpu_report.work('fake', gpu_report.Report(tmp_path, SETTINGS), time.monotonic() - 1)
    assert part.done == []


def test_report_shows_results_and_failures(part, tmp_path):
    gpu_report.work('fake', gpu_report.Report(tmp_path, SETTINGS), time.monotonic() + 60)
    text = (tmp_path / 'report.md').read_text()
    assert text.splitlines()[4:] == [
        '## Fake',
        '',
        'A note.',
        '',
        '| case | value | equal | error |',
        '|---|---|---|---|',
        '| first | 0.123 | yes | - |',
        '| second | - | - | RuntimeError: no such kernel |',
        '| third | 0.123 | **no** | - |',
    ]
    found = json.loads((tmp_path / 'report.json').read_text())
    assert found['running'] is None and found['parts']['fake']['first'][0]['output'] == 'long'


def test_case_that_ends_its_process_is_noted(part, tmp_path, monkeypatch):
    report = gpu_report.Report(tmp_path, SETTINGS)

    class Process:
        def __init__(self, command: list[str]) -> None:
            child = gpu_report.Report(tmp_path, SETTINGS)
            self.code = 0 if child.open_cases('fake') == ['third'] else -9
            child.begin(child.open_cases('fake')[0])
            if self.code == 0:
                child.add('fake', 'third', [dict(value=3.0)])

        def wait(self, limit: float) -> int:
            return self.code

    monkeypatch.setattr(gpu_report.subprocess, 'Popen', Process)
    args = SimpleNamespace(out=tmp_path, smoke=True)
    gpu_report.supervise('fake', report, args, time.monotonic() + 600)
    errors = [rows[0].get('error') for rows in report.parts['fake'].values()]
    assert errors == ['the process ended: -9', 'the process ended: -9', None]


@pytest.mark.parametrize('name', CASES)
def test_part_runs_on_a_cpu(name):
    module = importlib.import_module(f'gpu.{name}')
    assert {*CASES[name]} <= {*module.cases(SETTINGS)}
    for case in CASES[name]:
        for row in module.run(case, SETTINGS):
            assert row['case'] == case and row.get('equal', True)
            assert all(math.isfinite(v) for v in row.values() if isinstance(v, float))


def test_difference_is_the_largest():
    a = dict(x=torch.tensor([3.0, 4.0]), y=1.0)
    assert difference(a, a)[0] == 0
    assert difference(dict(a, y=1.1), a) == (pytest.approx(0.1), 'y')
    assert difference(dict(a, x=torch.tensor([3.0, 5.0])), a) == (pytest.approx(0.2), 'x')
    assert difference(dict(a, y=math.nan), a)[0] == math.inf
    assert difference(dict(x=a['x']), a)[0] == math.inf


def test_random_numbers_do_not_depend_on_format_and_precision():
    image = torch.zeros(2, 3, 4, 5)
    drawn = []
    for like in (image, image.to(memory_format=torch.channels_last), image.bfloat16()):
        torch.manual_seed(0)
        with HostRandomness():
            drawn.append((torch.randn_like(like), torch.rand(3), like.clone().normal_()))
    for other in drawn[1:]:
        for a, b in zip(drawn[0], other, strict=True):
            assert torch.equal(a.to(b.dtype), b)

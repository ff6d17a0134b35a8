import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import pytest
import torch

from label_efficient_seg.workflows import processes
from label_efficient_seg.workflows.processes import Processes, job_environments
from tests.workflows.fake_stage import meanwhile, wait_for


def python(code: str) -> list[str]:
    return [sys.executable, '-u', '-c', code]


def test_output_goes_to_the_log_and_on(tmp_path):
    log, lines = tmp_path / 'log', []
    log.write_text('earlier\n')
    code = 'import os, sys; print(os.environ["WORD"]); sys.stderr.write("\u00e9\\n")'
    Processes().run(python(code), log, lines.append, dict(os.environ, WORD='word'))
    assert lines == ['word\n', '\u00e9\n']
    assert log.read_text('utf-8') == 'earlier\nword\n\u00e9\n'


@pytest.mark.parametrize(
    ('end', 'words'),
    [
        ('sys.exit(3)', 'failed with status 3'),
        ('os.kill(os.getpid(), 9)', 'was killed by SIGKILL'),
        (
            f'os.kill(os.getpid(), {signal.SIGRTMIN + 1})',
            f'was killed by signal {signal.SIGRTMIN + 1}',
        ),
    ],
)
def test_failures_name_command_log_and_last_lines(tmp_path, end, words):
    code = f'import os, sys\nfor i in range(9): print("line", i)\n{end}'
    with pytest.raises(RuntimeError) as error:
        Processes().run(python(code), tmp_path / 'log', lambda line: None, os.environ)
    message = str(error.value)
    assert message.startswith(sys.executable) and f'{words}; see {tmp_path}/log' in message
    assert message.endswith('line 4\nline 5\nline 6\nline 7\nline 8')


def test_stopping_ends_what_runs_and_lets_nothing_begin(tmp_path):
    commands = Processes()
    run = (tmp_path / 'log', lambda line: None, os.environ)
    code = 'import time; print("here"); time.sleep(60)'
    with meanwhile(lambda: wait_for(tmp_path / 'log'), commands.stop):
        with pytest.raises(RuntimeError, match='was killed by SIGTERM'):
            commands.run(python(code), *run)
    with pytest.raises(RuntimeError, match='was not started'):
        commands.run(python(code), *run)


def test_descriptors_are_handed_on(tmp_path):
    with open(tmp_path / 'file', 'w') as file:
        command = python(f'import os; os.write({file.fileno()}, b"written")')
        Processes([file.fileno()]).run(command, tmp_path / 'log', print, os.environ)
        with pytest.raises(RuntimeError, match='Bad file descriptor'):
            Processes().run(command, tmp_path / 'log', print, os.environ)
    assert (tmp_path / 'file').read_text() == 'written'


@pytest.mark.skipif(sys.platform != 'linux', reason='needs a signal that Linux has')
def test_a_killed_workflow_takes_its_commands_along(tmp_path):
    log = tmp_path / 'log'
    sleeper = python('import os, time; print(os.getpid(), flush=True); time.sleep(60)')
    run = multiprocessing.get_context('fork').Process(
        target=Processes().run, args=(sleeper, log, print, os.environ)
    )
    run.start()
    pid = int(wait_for(log))
    run.kill()
    run.join()
    deadline = time.time() + 120
    while is_running(pid):
        assert time.time() < deadline
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False


def test_a_log_on_a_full_disk_ends_the_command():
    with pytest.raises(OSError, match='No space left'):
        Processes().run(python('print("x" * 100000)'), Path('/dev/full'), print, os.environ)


@pytest.fixture
def machine(monkeypatch):
    """A machine with six cores and as many GPUs as wanted."""

    def pretend(gpus: int, visible: str | None = None) -> None:
        monkeypatch.setattr(processes, 'usable_cores', lambda: 6)
        monkeypatch.setattr(torch.cuda, 'device_count', lambda: gpus)
        for name in ('OMP_NUM_THREADS', 'CUDA_VISIBLE_DEVICES'):
            monkeypatch.delenv(name, raising=False)
        if visible:
            monkeypatch.setenv('CUDA_VISIBLE_DEVICES', visible)

    return pretend


def gpus_of(environments: list[dict]) -> list[str | None]:
    return [environment.get('CUDA_VISIBLE_DEVICES') for environment in environments]


def test_jobs_share_the_cores(machine, monkeypatch):
    machine(gpus=0)
    for jobs, number, threads in ((1, 1, '6'), (2, 1, '3'), (4, 1, '1'), (1, 2, '3'), (9, 1, '1')):
        environments = job_environments(jobs, number)
        assert [e['OMP_NUM_THREADS'] for e in environments] == [threads] * jobs
        assert gpus_of(environments) == [None] * jobs
    monkeypatch.setenv('OMP_NUM_THREADS', '5')
    assert job_environments(2)[0]['OMP_NUM_THREADS'] == '5'


def test_jobs_get_gpus_of_their_own(machine):
    machine(gpus=4)
    assert gpus_of(job_environments(1, 4)) == [None]
    assert gpus_of(job_environments(2, 2)) == ['0,1', '2,3']
    assert gpus_of(job_environments(5)) == ['0', '1', '2', '3', '0']
    with pytest.raises(ValueError, match='5 processes need as many GPUs, but there are 4'):
        job_environments(1, 5)
    machine(gpus=2, visible='3,7')
    assert gpus_of(job_environments(2)) == ['3', '7']

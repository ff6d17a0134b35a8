"""Progress lines on terminals and in logs."""

import io
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from label_efficient_seg.core.progress import Progress, format_seconds, track


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_logs_get_a_line_per_interval_and_a_last_one() -> None:
    clock, stream = Clock(), io.StringIO()
    with Progress(100, 'reading', stream, log_interval=10, clock=clock) as progress:
        for _ in range(100):
            clock.now += 0.25
            progress.update()
    assert stream.getvalue().splitlines() == [
        'reading:  40/100 (40 %)  4.0/s  0:15 left',
        'reading:  80/100 (80 %)  4.0/s  0:05 left',
        'reading: 100/100 in 0:25 (4.0/s)',
    ]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.setenv('COLUMNS', '100')
    return Terminal()


def test_terminals_show_a_bar_and_then_the_same_last_line(terminal: Terminal) -> None:
    clock = Clock()
    with Progress(4, 'reading [a]', terminal, clock=clock) as progress:
        clock.now += 4
        progress.update(2)
        progress.update()
        clock.now += 1
    drawn = terminal.getvalue()
    assert '\x1b[' in drawn and 'reading [a] ' in drawn
    last = drawn.rpartition('\r')[2]
    assert re.sub(r'\x1b\[\d*[A-Za-z]', '', last) == 'reading [a]: 3/4 in 0:05 (1.7 s each)\n'


@pytest.mark.parametrize('variable', ['FORCE_COLOR', 'TTY_COMPATIBLE'])
def test_pipes_get_plain_lines_whatever_the_environment(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, '1')
    clock, stream = Clock(), io.StringIO()
    with Progress(2, 'x', stream, clock=clock) as progress:
        clock.now += 20
        progress.update()
    assert (
        stream.getvalue() == 'x: 1/2 (50 %)  20.0 s each  0:20 left\nx: 1/2 in 0:20 (20.0 s each)\n'
    )


def test_only_the_first_of_several_processes_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('label_efficient_seg.core.progress.is_main_process', lambda: False)
    clock, stream = Clock(), io.StringIO()
    with Progress(2, 'x', stream, clock=clock) as progress:
        clock.now += 20
        progress.update()
    assert progress.done == 1 and stream.getvalue() == ''


def test_threads_count_together() -> None:
    stream = io.StringIO()
    with Progress(4000, 'x', stream) as progress, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: progress.update(), range(4000)))
    assert stream.getvalue().splitlines()[-1].startswith('x: 4000/4000 in ')


def test_close_writes_once_also_after_an_error() -> None:
    stream = io.StringIO()
    with pytest.raises(KeyError), Progress(2, 'x', stream, clock=Clock()) as progress:
        progress.update()
        raise KeyError
    progress.close()
    assert stream.getvalue() == 'x: 1/2 in 0:00\n'


def test_printed_lines_go_to_the_standard_output(capsys: pytest.CaptureFixture) -> None:
    stream = io.StringIO()
    Progress(4, 'x', stream, clock=Clock()).print('done: b')
    assert stream.getvalue() == '' and capsys.readouterr().out == 'done: b\n'


def test_nothing_to_do() -> None:
    stream = io.StringIO()
    with Progress(0, 'x', stream, clock=Clock()):
        pass
    assert stream.getvalue() == 'x: 0/0 in 0:00\n'
    with pytest.raises(ValueError, match='-1'):
        Progress(-1, 'x')


def test_track_passes_items_on(capsys: pytest.CaptureFixture) -> None:
    assert list(track(['a', 'b'], 'letters')) == ['a', 'b']
    assert 'letters: 2/2' in capsys.readouterr().err
    assert list(track((i for i in range(3)), 'numbers', total=3)) == [0, 1, 2]


@pytest.mark.parametrize(
    ('seconds', 'text'), [(0, '0:00'), (59.6, '1:00'), (754, '12:34'), (3723, '1:02:03')]
)
def test_durations(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text

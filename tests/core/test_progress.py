"""Progress lines on terminals and in logs."""

import io

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


def test_terminals_are_redrawn_in_place() -> None:
    clock, stream = Clock(), Terminal()
    progress = Progress(4, 'reading', stream, clock=clock)
    clock.now += 4
    progress.update(2)
    clock.now += 0.01
    progress.update()  # too soon to draw again
    clock.now += 0.99
    progress.close()
    drawn = stream.getvalue()
    assert drawn.count('\r') == 2 and drawn.count('\n') == 1 and drawn.endswith('\n')
    first, last = drawn[1:-1].split('\r')
    assert first == 'reading: 2/4 (50 %)  2.0 s each  0:04 left'
    assert last.rstrip() == 'reading: 3/4 in 0:05 (1.7 s each)'
    assert len(last) >= len(first)  # the rest of the longer line is wiped


def test_close_writes_once_also_after_an_error() -> None:
    stream = io.StringIO()
    with pytest.raises(KeyError), Progress(2, 'x', stream, clock=Clock()) as progress:
        progress.update()
        raise KeyError
    progress.close()
    assert stream.getvalue() == 'x: 1/2 in 0:00\n'


def test_printing_clears_the_line_first(capsys: pytest.CaptureFixture) -> None:
    clock, stream = Clock(), Terminal()
    progress = Progress(4, 'x', stream, clock=clock)
    clock.now += 4
    progress.update(2)
    drawn = len(stream.getvalue())
    progress.print('done: a')
    assert stream.getvalue()[drawn:] == '\r' + ' ' * (drawn - 1) + '\r'
    assert capsys.readouterr().out == 'done: a\n'
    log = io.StringIO()
    Progress(4, 'x', log, clock=clock).print('done: b')
    assert log.getvalue() == '' and capsys.readouterr().out == 'done: b\n'


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

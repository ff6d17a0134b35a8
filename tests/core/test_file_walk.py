import time

import pytest

from label_efficient_seg.core import file_walk


def test_results_keep_the_order():
    def slow_first(i: int) -> int:
        time.sleep(0.02 * (i == 0))
        return i * i

    assert list(file_walk.map_files(slow_first, range(20), 'x', workers=4)) == [
        i * i for i in range(20)
    ]


def test_progress_in_a_log(monkeypatch, capsys):
    now = iter(range(0, 1000, 4))
    monkeypatch.setattr(file_walk.time, 'monotonic', lambda: next(now))
    assert list(file_walk.progress(range(10), 10, 'masks')) == list(range(10))
    lines = capsys.readouterr().err.splitlines()
    # A report every ten seconds at four seconds each: after images 3, 6 and 9.
    assert [line.split(',')[0] for line in lines] == ['masks: 3/10', 'masks: 6/10', 'masks: 9/10']
    assert lines[0].rstrip() == 'masks: 3/10, 0 per second, 00:00:28 left'


def test_leaving_early_cancels_the_rest():
    done = []

    def work(i: int) -> int:
        time.sleep(0.005)
        done.append(i)
        return i

    results = file_walk.map_files(work, range(200), 'x', workers=1)
    assert next(results) == 0
    results.close()
    time.sleep(0.1)
    assert len(done) < 20


@pytest.mark.parametrize('items', [[], [1]])
def test_few_items(items):
    assert list(file_walk.map_files(str, items, 'x')) == [str(item) for item in items]

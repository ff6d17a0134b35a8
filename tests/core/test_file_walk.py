import threading
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


def test_leaving_early_cancels_the_rest():
    done, left = [], threading.Event()

    def work(i: int) -> int:
        if i:
            left.wait(10)
        done.append(i)
        return i

    results = file_walk.map_files(work, range(200), 'x', workers=1)
    assert next(results) == 0
    results.close()
    left.set()
    time.sleep(0.1)
    assert len(done) <= 2  # the first, and the one that had begun


@pytest.mark.parametrize('items', [[], [1]])
def test_few_items(items):
    assert list(file_walk.map_files(str, items, 'x')) == [str(item) for item in items]

"""Order, parallelism, failures and interruptions, with functions for work."""

import os
import signal
import threading

import pytest

from label_efficient_seg.workflows.scheduler import run_graph, sort_graph

DIAMOND = {'a': [], 'b': ['a'], 'c': ['a'], 'd': ['b', 'c'], 'e': []}


class Recorder:
    """Work that notes when it begins and ends.

    Args:
        together: Nodes that must be at work at the same time.
    """

    def __init__(self, together: tuple[str, ...] = ()) -> None:
        self.events: list[tuple[str, str]] = []
        self.lock, self.together = threading.Lock(), together
        self.barrier = threading.Barrier(max(1, len(together)), timeout=120)
        self.running = self.most = 0

    def __call__(self, node: str) -> None:
        with self.lock:
            self.events.append(('begin', node))
            self.running += 1
            self.most = max(self.most, self.running)
        if node in self.together:
            self.barrier.wait()
        with self.lock:
            self.running -= 1
            self.events.append(('end', node))


@pytest.mark.parametrize('jobs', [1, 2, 9])
def test_inputs_come_first(jobs):
    work = Recorder()
    run_graph(DIAMOND, work, jobs)
    assert sorted(node for event, node in work.events if event == 'end') == list('abcde')
    for node, inputs in DIAMOND.items():
        for other in inputs:
            assert work.events.index(('end', other)) < work.events.index(('begin', node))
    assert work.most <= jobs


def test_what_is_ready_runs_side_by_side():
    run_graph(DIAMOND, Recorder(together=('b', 'c')), jobs=2)
    run_graph(DIAMOND, Recorder(together=('a', 'e')), jobs=2)


def test_one_at_a_time_keeps_the_order():
    work = Recorder()
    run_graph(DIAMOND, work, jobs=1)
    assert [node for event, node in work.events if event == 'begin'] == list('abcde')


def test_inputs_outside_of_the_graph_count_as_done():
    work = Recorder()
    run_graph({'d': ['b', 'c']}, work, jobs=1)
    assert work.events == [('begin', 'd'), ('end', 'd')]


def test_after_a_failure_nothing_begins_and_the_rest_ends():
    failed, ended = threading.Event(), []

    def work(node: str) -> None:
        if node == 'bad':
            raise RuntimeError('first')
        assert failed.wait(120)
        ended.append(node)

    messages = []

    def on_failure(node: str, error: Exception) -> None:
        messages.append((node, str(error)))
        failed.set()

    graph = {'bad': [], 'slow': [], 'after': ['bad'], 'next': ['slow'], 'free': []}
    with pytest.raises(RuntimeError, match='first'):
        run_graph(graph, work, 2, on_failure)
    assert messages == [('bad', 'first')] and ended == ['slow']


def test_an_interruption_is_passed_on_to_what_runs():
    stopped = threading.Event()

    def work(node: str) -> None:
        if node == 'a':
            os.kill(os.getpid(), signal.SIGINT)  # Python hands it to the main thread
        assert stopped.wait(120)

    with pytest.raises(KeyboardInterrupt):
        run_graph({'a': [], 'b': [], 'c': []}, work, 2, on_interruption=stopped.set)
    assert stopped.is_set()


def test_a_cycle_is_an_error():
    graph = {'a': ['b'], 'b': ['c'], 'c': ['a'], 'd': []}
    circle = "'a' needs 'b' needs 'c' needs 'a'"
    rotated = ["'b' needs 'c' needs 'a' needs 'b'", "'c' needs 'a' needs 'b' needs 'c'"]
    for function in (lambda: run_graph(graph, print, jobs=2), lambda: sort_graph(graph)):
        with pytest.raises(ValueError, match=f'circle.*({"|".join([circle, *rotated])});'):
            function()
    with pytest.raises(ValueError, match="'a' needs 'a'"):
        sort_graph({'a': ['a']})


def test_the_order_changes_only_where_it_must():
    assert sort_graph(DIAMOND) == list('abcde')
    assert sort_graph({'d': ['c', 'x'], 'a': [], 'c': ['b'], 'b': [], 'e': []}) == list('abcde')

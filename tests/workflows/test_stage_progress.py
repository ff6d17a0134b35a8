"""Time left of stages and of a workflow, by a clock that stands still."""

import io
from types import SimpleNamespace

import pytest

from label_efficient_seg.workflows.stage_progress import StageProgress
from tests.core.test_progress import Clock


class Stage(SimpleNamespace):
    """As much of a node as progress asks for."""

    __hash__ = object.__hash__


def node(name: str, *inputs: Stage, steps: int = 100) -> Stage:
    return Stage(name=name, label=f'{name} seed 0', inputs=inputs, stage=Stage(steps=steps))


def start(*nodes: Stage, jobs: int = 1, **finished: list[float]) -> tuple[StageProgress, Clock]:
    clock = Clock()
    progress = StageProgress(
        nodes, jobs, finished, stream=io.StringIO(), clock=clock, log_interval=10
    )
    return progress, clock


def test_a_running_stage_shows_its_own_pace():
    only = node('fit', steps=400)
    progress, clock = start(only)
    progress.begin(only)
    clock.now += 7  # imports
    assert progress.details(clock.now) == ['fit seed 0: starting, 0:07']
    progress.advance(only, 100, 400)  # resumed, or the first line: no pace yet
    assert progress.details(clock.now) == ['fit seed 0: 100/400']
    assert progress.seconds_left() is None and progress.rest(clock.now) == ''
    clock.now += 50
    progress.advance(only, 200, 400)
    assert progress.details(clock.now) == ['fit seed 0: 200/400  2.0/s  1:40 left']
    clock.now += 20  # no line for a while
    assert progress.details(clock.now) == ['fit seed 0: 200/400  2.0/s  1:20 left']
    assert progress.rest(clock.now) == '  about 1:20 left'
    progress.finish(only, 300.0)
    assert progress.details(clock.now) == [] and progress.done == 400
    assert progress.seconds_left() == 0


def test_stages_that_ran_before_take_as_long_again():
    a, b = node('a'), node('b')
    progress, clock = start(a, b, a=[100.0, 200.0], b=[30.0])
    assert progress.seconds_left() == 180
    progress.begin(a)
    clock.now += 50
    assert progress.seconds_left() == 130
    progress.finish(a, 50.0)
    assert progress.seconds_left() == 30


def test_others_take_as_long_as_their_iterations():
    a, b = node('a', steps=100), node('b', steps=300)
    progress, clock = start(a, b)
    progress.begin(a)
    progress.finish(a, 50.0)
    assert progress.seconds_left() == 150


def test_side_by_side_but_no_faster_than_the_longest_chain():
    first = node('first')
    chain, alone = node('chain', first), node('alone')
    seconds = dict(first=[10.0], chain=[20.0], alone=[60.0])
    assert start(first, chain, alone, jobs=1, **seconds)[0].seconds_left() == 90
    assert start(first, chain, alone, jobs=2, **seconds)[0].seconds_left() == 60
    seconds = dict(first=[50.0], chain=[50.0], alone=[10.0])
    assert start(first, chain, alone, jobs=9, **seconds)[0].seconds_left() == 100


def test_logs_have_a_line_for_the_whole_and_one_for_each_stage():
    a, b = node('a', steps=100), node('b', steps=100)
    clock, stream = Clock(), io.StringIO()
    progress = StageProgress(
        [a, b], 2, dict(a=[60.0], b=[60.0]), stream=stream, clock=clock, log_interval=10
    )
    for stage in (a, b):
        progress.begin(stage)
    progress.advance(a, 10, 200)  # counts in its own unit
    clock.now += 10
    progress.advance(a, 50, 200)
    assert stream.getvalue().splitlines() == [
        'iterations of 2 stages:  25/200 (12 %)  about 0:50 left',
        '  a seed 0: 50/200  4.0/s  0:38 left',
        '  b seed 0: starting, 0:10',
    ]


@pytest.mark.parametrize('done', [30, 100])
def test_a_failed_stage_is_no_longer_shown(done):
    a = node('a')
    progress, clock = start(a)
    progress.begin(a)
    progress.advance(a, done, 100)
    progress.fail(a)
    progress.fail(a)
    assert progress.details(clock.now) == [] and progress.done == done

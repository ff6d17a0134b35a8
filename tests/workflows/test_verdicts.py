"""What is said about paired runs, with numbers worked out by hand."""

import math

import numpy as np
import pytest

from label_efficient_seg.workflows import Measurement, judge, next_steps, paired_difference
from label_efficient_seg.workflows.measurement import t_quantile

BASE = {0: 38.75, 1: 39.68, 2: 40.72, 3: 38.07, 4: 40.08}


def run(name: str, *gains: float, metric: str = 'mIoU', images: str = 'val') -> Measurement:
    """A run with these differences to ``BASE``, seed by seed."""
    return Measurement(name, metric, images, {s: BASE[s] + gain for s, gain in enumerate(gains)})


def sentences(*found: Measurement, classes: list[Measurement] = ()) -> list[str]:
    return [verdict.sentence for verdict in judge(found, classes)]


@pytest.mark.parametrize('number', [2, 3, 5, 11])
def test_quantiles_against_the_integral_of_the_density(number):
    degrees = number - 1
    scale = math.gamma((degrees + 1) / 2) / math.gamma(degrees / 2) / math.sqrt(degrees * math.pi)
    t = np.linspace(0, t_quantile(number), 100_001)
    density = scale * (1 + t**2 / degrees) ** (-(degrees + 1) / 2)
    inside = 2 * np.sum((density[1:] + density[:-1]) / 2 * np.diff(t))
    assert inside == pytest.approx(0.95, abs=1e-4)


def test_many_values_have_a_strict_quantile():
    assert t_quantile(1000) == t_quantile(11) > 1.96


def test_a_clear_gain_and_a_clear_loss():
    gains = 2.71, 0.54, 1.00, 2.49, 0.93  # mean 1.534, standard error 0.443: over 2.776 of them
    assert sentences(run('base', *[0] * 5), run('method', *gains)) == [
        '`method` gains 1.53 ± 0.44 mIoU over `base`, better with 5 of 5 seeds.'
    ]
    assert sentences(run('base', *[0] * 5), run('method', *(-gain for gain in gains))) == [
        '`method` loses 1.53 ± 0.44 mIoU against `base`, worse with 5 of 5 seeds.'
    ]


def test_no_difference_can_be_told():
    # Mean 1, deviations -1, 0, 1: error 1 / sqrt(3), and 4.303 of them are 2.48. With deviation 1,
    # 7 seeds have 2.447 / sqrt(7) = 0.92 < 1, and 6 have 2.571 / sqrt(6) = 1.05.
    (verdict,) = judge([run('base', 0, 0, 0), run('method', 0, 1, 2)])
    assert verdict.outcome == 'open' and verdict.gain == pytest.approx(1)
    assert verdict.sentence == (
        '`method` against `base`: no difference can be told (+1.00 ± 0.58 mIoU, better with 2 of 3 '
        'seeds). It may be anywhere from -1.48 to +3.48. If mean and spread stay as they are, 7 '
        'seeds tell it from chance.'
    )
    (text,) = sentences(run('base', 0, 0, 0), run('method', -1, 0.1, 1))
    assert text.endswith('More seeds will hardly change that.')


def test_two_seeds_need_more_than_two_errors():
    # 3 and 2: five standard errors from 0, but 12.7 are needed.
    assert judge([run('base', 0, 0), run('method', 3, 2)])[0].outcome == 'open'
    assert judge([run('base', 0, 0), run('method', 3, 2.9)])[0].outcome == 'gain'


def test_one_seed_says_nothing_about_chance():
    assert sentences(run('base', 0), run('method', 2.7)) == [
        '`method` is 2.70 mIoU better than `base`, but one seed says nothing about chance: run '
        'more with `--seeds 0 1 2`.'
    ]
    shared = [
        Measurement(name, 'mIoU', None, {None: value}) for name, value in dict(a=3, b=1).items()
    ]
    assert sentences(*shared) == [
        '`b` is 2.00 mIoU worse than `a`, but one run says nothing about chance.'
    ]


def test_runs_without_a_common_seed_or_with_equal_values():
    other = Measurement('method', 'mIoU', 'val', {7: 50.0})
    assert sentences(run('base', 0, 0), other, run('copy', 0, 0)) == [
        '`method` has no seed in common with `base`: run both with the same `--seeds`.',
        '`copy` has exactly the mIoU of `base` with all seeds.',
    ]


def test_only_runs_on_equal_images_are_compared():
    found = [
        run('base', 0, 0),
        run('other', 9, 9.1, images='test'),
        run('method', 1, 1.02),
        run('further', 8, 8.1, images='test'),
    ]
    assert sentences(*found) == [
        '`other` was judged on other images than `base`, so their mIoU is not compared.',
        '`method` gains 1.01 ± 0.01 mIoU over `base`, better with 2 of 2 seeds.',
        '`further` loses 1.00 ± 0.00 mIoU against `other`, worse with 2 of 2 seeds.',
    ]


def test_less_entropy_is_better():
    base = Measurement('base', 'entropy', 'val', {0: 0.5, 1: 0.6, 2: 0.7})
    better = Measurement('method', 'entropy', 'val', {0: 0.4, 1: 0.5, 2: 0.602})
    assert sentences(base, better) == [
        '`method` lowers entropy by 0.0993 ± 0.0007 against `base`, better with 3 of 3 seeds.'
    ]


def test_classes_that_move_the_other_way_are_named():
    pairs = dict(cat=(4, 4.1, 4.2), cow=(-3, -3.1, -3.2), dog=(-5, 5, -4))
    classes = [run('base', 0, 0, 0, metric=f'IoU_{name}') for name in pairs]
    classes += [run('method', *gains, metric=f'IoU_{name}') for name, gains in pairs.items()]
    up, base = run('method', 1, 1.1, 1.2), run('base', 0, 0, 0)
    text = '`method` gains 1.10 ± 0.06 mIoU over `base`, better with 3 of 3 seeds. '
    text += 'But these classes clearly lose: cow (-3.10 ± 0.06).'
    assert sentences(base, up, classes=classes) == [text]
    down = run('method', -1, -1.1, -1.2)
    assert sentences(base, down, classes=classes)[0].endswith('clearly gain: cat (+4.10 ± 0.06).')


def test_what_to_do_next():
    base, clear = run('base', 0, 0, 0), run('clear', 1, 1.1, 1.2)
    clearer, open_ = run('clearer', 2, 2.1, 2.2), run('open', -1, 0, 1)
    steps = next_steps(judge([base, clear, clearer, open_]), seeds=3)
    assert steps[0].startswith('Use `clearer`') and '--seeds 0 1 2 3 4' in steps[1]
    assert next_steps(judge([base, open_]), seeds=5)[0].startswith('No run is shown to be better')
    assert 'is kept' in next_steps(judge([run('base', 0), run('one', 1)]), seeds=1)[0]
    assert next_steps([], seeds=1) == []


def test_seeds_to_tell_of_what_cannot_be_told():
    assert paired_difference({0: 1}, {0: 0}).seeds_to_tell() is None
    assert paired_difference({}, {}).margin is None
    assert not paired_difference({}, {}).clear

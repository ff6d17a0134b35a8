"""What paired runs show, and what they do not, in plain sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .measurement import Measurement, PairedDifference

CLASS_IOU = 'IoU_'
"""Before the name of a class: its IoU, see :class:`SubsetIoUMetric`."""

Outcome = Literal['gain', 'loss', 'open', 'one seed', 'equal', 'not comparable']
MORE_SEEDS = '`--seeds 0 1 2`'


@dataclass(frozen=True)
class Verdict:
    """What can be said about a run against its baseline.

    Attributes:
        name (str): Of the run.
        outcome (str): ``gain`` or ``loss`` if the 95 % confidence interval of the paired difference
            leaves out 0, ``open`` if it does not, ``one seed`` where there is no interval,
            ``equal`` if every seed has the same value, or ``not comparable``.
        gain (float): Mean of the paired differences; more is better.
        sentence (str): In inline Markdown.
    """

    name: str
    outcome: Outcome
    gain: float
    sentence: str


def judge(found: Sequence[Measurement], classes: Sequence[Measurement] = ()) -> list[Verdict]:
    """Judge each run against the first one.

    A run that has another metric than the first, or other images, is judged against the first of
    its own kind, and if it is the only one, not at all.

    Args:
        found (Sequence[Measurement]): The metrics to judge.
        classes (Sequence[Measurement]): IoU of single classes of the same runs.

    Returns:
        list[Verdict]: In the order of ``found``, which has the baselines too; these have none.
    """
    verdicts = []
    for measured in found:
        first = next(other for other in found if other.compares_with(measured))
        if first is not measured:
            verdicts.append(_judge(measured, first, classes))
        elif measured is not found[0] and measured.metric == found[0].metric:
            text = f'`{measured.name}` was judged on other images than `{found[0].name}`, so their '
            text += f'{measured.metric} is not compared.'
            verdicts.append(Verdict(measured.name, 'not comparable', 0, text))
    return verdicts


def next_steps(verdicts: Sequence[Verdict], seeds: int) -> list[str]:
    """What a user should do after these verdicts.

    Args:
        verdicts (Sequence[Verdict]): From :func:`judge`.
        seeds (int): Number of seeds that have been run.

    Returns:
        list[str]: Sentences in inline Markdown.
    """
    outcomes = {verdict.outcome for verdict in verdicts}
    gains = [verdict for verdict in verdicts if verdict.outcome == 'gain']
    steps = []
    if 'one seed' in outcomes:
        steps.append(
            f'Repeat the command with {MORE_SEEDS}, better with five seeds: what is finished is '
            'kept, and the paired differences get an error.'
        )
    if gains:
        best = max(gains, key=lambda verdict: verdict.gain)
        steps.append(
            f'Use `{best.name}`, which gains most. Look at the classes and images that lose '
            'before you rely on it.'
        )
    elif outcomes & {'open', 'loss', 'equal'} and 'one seed' not in outcomes:
        steps.append(
            'No run is shown to be better than the baseline: keep the baseline. Before you give '
            'a method up, see in the curves whether it had time to learn and whether its weights '
            'and thresholds are in their healthy range.'
        )
    if 'open' in outcomes and seeds < 5:
        steps.append('Where no difference can be told, run five seeds: `--seeds 0 1 2 3 4`.')
    return steps


def _judge(measured: Measurement, first: Measurement, classes: Sequence[Measurement]) -> Verdict:
    difference = measured.difference_to(first)
    gain = measured.sign * (difference.mean or 0)
    outcome = _outcome(difference, gain)
    if outcome == 'not comparable':
        text = f'has no seed in common with `{first.name}`: run both with the same `--seeds`.'
    elif outcome == 'one seed':
        text = _one_seed(measured, first, difference, gain)
    elif outcome == 'equal':
        text = f'has exactly the {measured.metric} of `{first.name}` with all seeds.'
    elif outcome == 'open':
        text = _open(measured, first, difference)
    else:
        text = _clear(measured, first, difference, gain)
        text += _against(measured, first, classes, rises=(difference.mean or 0) > 0)
    return Verdict(measured.name, outcome, gain, f'`{measured.name}` {text}')


def _outcome(difference: PairedDifference, gain: float) -> Outcome:
    if difference.mean is None:
        return 'not comparable'
    if difference.error is None:
        return 'one seed'
    if not any(difference.differences):
        return 'equal'
    if not difference.clear:
        return 'open'
    return 'gain' if gain > 0 else 'loss'


def _one_seed(
    measured: Measurement, first: Measurement, difference: PairedDifference, gain: float
) -> str:
    amount = _amount(measured, difference)
    word = 'better' if gain > 0 else 'worse' if gain < 0 else 'different'
    text = f'is {amount} {measured.metric} {word} than `{first.name}`, but one '
    if None in measured.values:  # all seeds share it
        return f'{text}run says nothing about chance.'
    return f'{text}seed says nothing about chance: run more with {MORE_SEEDS}.'


def _open(measured: Measurement, first: Measurement, difference: PairedDifference) -> str:
    """No difference can be told; how large it may be, and what it takes to tell."""
    mean, margin, digits = difference.mean or 0, difference.margin or 0, _digits(measured)
    wins = sum(measured.sign * d > 0 for d in difference.differences)
    text = (
        f'against `{first.name}`: no difference can be told ({mean:+.{digits}f} ± '
        f'{difference.error:.{digits}f} {measured.metric}, better with {wins} of '
        f'{len(difference.differences)} seeds). It may be anywhere from '
        f'{mean - margin:+.{digits}f} to {mean + margin:+.{digits}f}.'
    )
    if needed := difference.seeds_to_tell():
        return f'{text} If mean and spread stay as they are, {needed} seeds tell it from chance.'
    return f'{text} More seeds will hardly change that.'


def _clear(
    measured: Measurement, first: Measurement, difference: PairedDifference, gain: float
) -> str:
    amount, better = _amount(measured, difference), gain > 0
    if measured.sign > 0:
        verb, preposition = ('gains', 'over') if better else ('loses', 'against')
        text = f'{verb} {amount} {measured.metric} {preposition} `{first.name}`'
    else:
        verb = 'lowers' if better else 'raises'
        text = f'{verb} {measured.metric} by {amount} against `{first.name}`'
    agree = sum(measured.sign * d * gain > 0 for d in difference.differences)
    word = 'better' if better else 'worse'
    return f'{text}, {word} with {agree} of {len(difference.differences)} seeds.'


def _against(
    measured: Measurement, first: Measurement, classes: Sequence[Measurement], rises: bool
) -> str:
    """Names the classes that clearly move the other way than the mean."""
    named = {(iou.name, iou.metric): iou for iou in classes}
    found = []
    for metric in dict.fromkeys(iou.metric for iou in classes):
        one, other = named.get((measured.name, metric)), named.get((first.name, metric))
        if one and other and one.compares_with(other):
            mean, error = (difference := one.difference_to(other))[1:]
            if mean is not None and difference.clear and (mean > 0) != rises:
                found.append(f'{metric.removeprefix(CLASS_IOU)} ({mean:+.2f} ± {error:.2f})')
    if not found:
        return ''
    return f' But these classes clearly {"lose" if rises else "gain"}: {", ".join(found)}.'


def _amount(measured: Measurement, difference: PairedDifference) -> str:
    """Size of a difference without its sign, and its error."""
    digits = _digits(measured)
    text = f'{abs(difference.mean or 0):.{digits}f}'
    return text if difference.error is None else f'{text} ± {difference.error:.{digits}f}'


def _digits(measured: Measurement) -> int:
    """Decimal places: of percent, or of what lies between 0 and 1."""
    return 2 if measured.sign > 0 else 4

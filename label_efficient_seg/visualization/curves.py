"""Plot the logged scalars of one or several runs."""

from __future__ import annotations

import fnmatch
import itertools
import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import UserError
from ..core.logs import Series
from .output import encode_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# One run: its scalars; or several seeds of it, drawn as their mean and range.
RunScalars = Mapping[str, Series] | Sequence[Mapping[str, Series]]

# Okabe and Ito's colours, which stay apart for readers with colour vision deficiency.
RUN_COLORS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#444444')
LINE_STYLES = ('-', '--', ':', '-.')


@dataclass(frozen=True)
class CurveGroup:
    """Scalars that share one pair of axes.

    Attributes:
        title (str): Title of the axes.
        names (tuple[str, ...]): Logged names, or patterns of them such as ``'*.loss_adv_main'``;
            those a run did not log are left out.
        without (tuple[str, ...]): Names or patterns; runs that logged one are left out.
        band (tuple[float, float], optional): Range of values marked as healthy.
        limits (tuple[float | None, float | None]): Ends of the value axis; None adapts.
    """

    title: str
    names: tuple[str, ...]
    without: tuple[str, ...] = ()
    band: tuple[float, float] | None = None
    limits: tuple[float | None, float | None] = (None, None)

    def matching(self, logged: Collection[str]) -> list[str]:
        """Those of the names that a run logged which belong here, in the order of the patterns.

        Args:
            logged (Collection[str]): All names that one run logged.
        """
        if any(fnmatch.filter(logged, pattern) for pattern in self.without):
            return []
        found = [fnmatch.filter(sorted(logged), pattern) for pattern in self.names]
        return list(dict.fromkeys(itertools.chain.from_iterable(found)))


# A healthy discriminator has a loss (the mean over real and fake) of 0.2 to 0.5: at
# log 2 = 0.69 it guesses, near 0 it always wins and gives the segmentor nothing to learn from.
CURVE_GROUPS = (
    CurveGroup('Validation mIoU (%)', ('mIoU',)),
    CurveGroup('Supervised loss', ('decode.loss_ce',), limits=(0, None)),
    CurveGroup('Adversarial loss', ('*.loss_adv', '*.loss_adv_*'), limits=(0, None)),
    CurveGroup('Entropy loss', ('*.loss_entropy_*',), limits=(0, None)),
    CurveGroup('Self-taught loss', ('unlabeled.loss_semi',), limits=(0, None)),
    CurveGroup('Share of selected pixels', ('unlabeled.selected_ratio',), limits=(0, 1)),
    CurveGroup(
        'Discriminator loss (healthy: 0.2 to 0.5)',
        ('discriminator.loss', 'discriminator.loss_real', 'discriminator.loss_fake'),
        # The total of two discriminators, or of one and a classifier, has no such range.
        without=(
            'discriminator.loss_*_main',
            'discriminator.loss_*_aux',
            'discriminator.loss_cls*',
        ),
        band=(0.2, 0.5),
        limits=(0, None),
    ),
    # Each part carries the factor 1/2.
    CurveGroup(
        'Discriminator losses by level (0.35: guesses)',
        ('discriminator.loss_*_main', 'discriminator.loss_*_aux'),
        limits=(0, None),
    ),
    CurveGroup("Discriminator's loss of classes", ('discriminator.loss_cls*',), limits=(0, None)),
)


def plot_curves(
    runs: Mapping[str, RunScalars],
    path: str | os.PathLike | None = None,
    groups: Sequence[CurveGroup] = CURVE_GROUPS,
) -> bytes:
    """Draw runs over each other, one pair of axes per group that has data.

    Runs without data are left out. Colours tell runs apart, line styles the scalars of a group. Of
    several seeds, the line is the mean and the band reaches from the smallest to the largest value,
    at the iterations that all seeds logged.

    Args:
        runs (Mapping[str, RunScalars]): By label: the scalars of a run, or a list of those of its
            seeds (see ``read_scalars``).
        path (str | os.PathLike, optional): Where to write the PNG file.
        groups (Sequence[CurveGroup]): What to draw, in this order.

    Returns:
        bytes: The PNG file.

    Raises:
        ValueError: If no run has a scalar of any group.
    """
    seeds = {label: [run] if isinstance(run, Mapping) else list(run) for label, run in runs.items()}
    groups = groups_with_data(seeds, groups)
    if not groups:
        logged = {name for run in seeds.values() for scalars in run for name in scalars}
        raise UserError(
            f'none of the runs {list(runs)} logged a scalar to plot; they logged '
            f'{sorted(logged) or "nothing"}'
        )
    seeds = {
        label: runs for label, runs in seeds.items() if groups_with_data({label: runs}, groups)
    }
    columns = 2 if len(groups) == 4 else min(3, len(groups))
    lines = math.ceil(len(groups) / columns)
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    figure = Figure(figsize=(4.4 * columns, 3.0 * lines + 0.4), dpi=100, layout='constrained')
    axes = list(figure.subplots(lines, columns, squeeze=False).flat)
    for group, axis in zip(groups, axes, strict=False):
        _plot_group(axis, group, seeds)
    for axis in axes[len(groups) :]:
        axis.set_visible(False)
    handles = [
        Line2D([], [], color=_run_color(i), lw=2, label=_run_label(label, seeds[label]))
        for i, label in enumerate(seeds)
    ]
    figure.legend(handles=handles, loc='outside upper left', ncols=len(handles), frameon=False)
    return encode_figure(figure, path)


def groups_with_data(
    runs: Mapping[str, Sequence[Mapping[str, Series]]], groups: Sequence[CurveGroup] = CURVE_GROUPS
) -> list[CurveGroup]:
    """Groups of which any run logged a scalar.

    Args:
        runs (Mapping): Scalars of each seed, by label of the run.
        groups (Sequence[CurveGroup]): Groups to choose from.
    """
    logged = [{name for scalars in seeds for name in scalars} for seeds in runs.values()]
    return [group for group in groups if any(group.matching(names) for names in logged)]


def mean_and_range(
    runs: Sequence[Series],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Combine one scalar of several seeds at the iterations that all of them logged.

    Args:
        runs (Sequence[Series]): One series per seed.

    Returns:
        tuple: Iterations, means, minima and maxima, each of shape (N,).
    """
    common = set(runs[0].steps.tolist()).intersection(*(run.steps.tolist() for run in runs[1:]))
    steps = np.array(sorted(common), int)
    values = np.array([run.values[np.searchsorted(run.steps, steps)] for run in runs])
    return steps, values.mean(0), values.min(0), values.max(0)


def _plot_group(
    axis: Axes, group: CurveGroup, seeds: Mapping[str, Sequence[Mapping[str, Series]]]
) -> None:
    if group.band is not None:
        axis.axhspan(*group.band, color='#009E73', alpha=0.12, lw=0)
    shown = [group.matching({name for run in runs for name in run}) for runs in seeds.values()]
    names = group.matching({name for found in shown for name in found})
    styles = {name: LINE_STYLES[i % 4] for i, name in enumerate(names)}
    for index, (runs, found) in enumerate(zip(seeds.values(), shown, strict=True)):
        for name in found:
            series = [run[name] for run in runs if name in run]
            _plot_series(axis, series, _run_color(index), styles[name])
    axis.set_title(group.title, fontsize=10, loc='left')
    axis.set_xlabel('iteration', fontsize=9)
    style_axes(axis)
    axis.set_ylim(*group.limits)
    if len(styles) > 1:
        from matplotlib.lines import Line2D

        handles = [
            Line2D([], [], color='#444444', ls=style, label=name) for name, style in styles.items()
        ]
        axis.legend(handles=handles, fontsize=8, frameon=False)


def _plot_series(axis: Axes, series: Sequence[Series], color: str, style: str) -> None:
    steps, mean, low, high = mean_and_range(series)
    # Sparse points, such as a handful of validations, deserve to be seen as points.
    marker = 'o' if len(steps) <= 30 else ''
    axis.plot(steps, mean, color=color, ls=style, lw=1.5, marker=marker, ms=3)
    if len(series) > 1:
        axis.fill_between(steps, low, high, color=color, alpha=0.18, lw=0)


def _run_color(index: int) -> str:
    return RUN_COLORS[index % len(RUN_COLORS)]


def _run_label(label: str, runs: Sequence[Mapping[str, Series]]) -> str:
    return label if len(runs) == 1 else f'{label} (mean and range of {len(runs)} seeds)'

"""Metrics over seeds, and their differences within seeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

LESS_IS_BETTER = ('entropy', 'mean_score')
# Two-sided 95 % quantiles of Student's t distribution with 1, 2, ... degrees of freedom. The last
# one stands for more of them, where it is a little too strict.
_T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


class PairedDifference(NamedTuple):
    """How one run differs from another, seed by seed, which removes what a seed does to both.

    Attributes:
        differences (list[float]): For each seed that both have.
        mean (float | None): Their mean; None without a shared seed.
        error (float | None): Its standard error, the sample standard deviation of the differences
            over the root of their number; None with fewer than two.
    """

    differences: list[float]
    mean: float | None
    error: float | None

    @property
    def margin(self) -> float | None:
        """Half the width of the 95 % confidence interval of the mean, by Student's t."""
        return None if self.error is None else t_quantile(len(self.differences)) * self.error

    @property
    def clear(self) -> bool:
        """Whether the 95 % confidence interval of the mean leaves out 0."""
        return self.mean is not None and self.margin is not None and abs(self.mean) > self.margin

    def seeds_to_tell(self, most: int = 20) -> int | None:
        """Seeds that would tell this mean from 0 if mean and spread stay; None if over ``most``."""
        if self.mean is None or self.error is None:
            return None
        deviation = self.error * len(self.differences) ** 0.5
        for number in range(2, most + 1):
            if abs(self.mean) > t_quantile(number) * deviation / number**0.5:
                return number
        return None


def t_quantile(number: int) -> float:
    """By how many standard errors the mean of some values may miss the truth in 95 % of cases.

    Args:
        number (int): Of values, 2 or more.
    """
    return _T_95[min(number - 1, len(_T_95)) - 1]


@dataclass(frozen=True)
class Measurement:
    """A metric of a run.

    Attributes:
        name (str): Of the run, as ``results`` of a workflow has it.
        metric (str): Such as ``'mIoU'``.
        images (str | None): Stands for the images; measurements of different ones do not compare.
        values (dict[int | None, float]): By seed; None stands for all seeds.
        minutes (float): Mean over the seeds.
    """

    name: str
    metric: str
    images: str | None
    values: Mapping[int | None, float]
    minutes: float = 0

    def compares_with(self, other: 'Measurement') -> bool:
        """Whether both are the same metric of the same images."""
        return (self.metric, self.images) == (other.metric, other.images)

    @property
    def sign(self) -> int:
        """1 if more is better, else -1."""
        return -1 if self.metric in LESS_IS_BETTER else 1

    def difference_to(self, other: 'Measurement') -> PairedDifference:
        """Compare with another measurement, seed by seed."""
        return paired_difference(self.values, other.values)


def paired_difference(
    values: Mapping[int | None, float], baseline: Mapping[int | None, float]
) -> PairedDifference:
    """Compare two runs seed by seed.

    Args:
        values (Mapping[int | None, float]): Metric by seed.
        baseline (Mapping[int | None, float]): Likewise.

    Returns:
        PairedDifference: Of the first to the second.
    """
    differences = [values[seed] - baseline[seed] for seed in values if seed in baseline]
    number = len(differences)
    mean = float(np.mean(differences)) if number else None
    error = float(np.std(differences, ddof=1) / np.sqrt(number)) if number > 1 else None
    return PairedDifference(differences, mean, error)

"""Sorts images by a score and divides them into easy and hard ones."""

import csv
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import fmean

from ..core.atomic import write_atomically
from ..core.errors import UserError
from ..datasets.files.splits import write_split


@dataclass(frozen=True)
class Ranking:
    """Images in the order of their scores.

    Attributes:
        names (tuple[str, ...]): Ids, the lowest score first.
        scores (tuple[float, ...]): Of the images, in the same order.
        num_easy (int): How many of them, from the first on, are easy.
    """

    names: tuple[str, ...]
    scores: tuple[float, ...]
    num_easy: int

    def split(self, position: int) -> str:
        """``'easy'`` or ``'hard'``, by position from 0."""
        return 'easy' if position < self.num_easy else 'hard'

    def metrics(self) -> dict[str, float]:
        """Numbers of images and mean scores of all, the easy and the hard ones."""
        easy, hard = self.scores[: self.num_easy], self.scores[self.num_easy :]
        return dict(
            images=len(self.names),
            easy=len(easy),
            hard=len(hard),
            mean_score=fmean(self.scores),
            mean_score_easy=fmean(easy),
            mean_score_hard=fmean(hard),
        )

    def write(self, folder: Path) -> None:
        """Write ``easy.txt``, ``hard.txt`` and ``ranking.csv``.

        Args:
            folder (Path): Where to.
        """
        write_split(folder / 'easy.txt', self.names[: self.num_easy])
        write_split(folder / 'hard.txt', self.names[self.num_easy :])
        table = io.StringIO()
        writer = csv.writer(table, lineterminator='\n')
        writer.writerow(['image', 'score', 'rank', 'split'])
        for position, (name, score) in enumerate(zip(self.names, self.scores, strict=True)):
            writer.writerow([name, repr(score), position + 1, self.split(position)])
        write_atomically(folder / 'ranking.csv', table.getvalue())


def rank_images(scores: Mapping[str, float], ratio: float | str | Fraction) -> Ranking:
    """Sort images by score and divide them; equal scores are sorted by id.

    Args:
        scores (Mapping[str, float]): Score of each image.
        ratio (float | str | Fraction): As for :func:`count_easy`.

    Returns:
        Ranking: The images, sorted.
    """
    names = tuple(sorted(scores, key=lambda name: (scores[name], name)))
    values = tuple(scores[name] for name in names)
    return Ranking(names, values, count_easy(len(names), ratio))


def count_easy(number: int, ratio: float | str | Fraction) -> int:
    """The easy share of a number of images, floor(ratio * number), without rounding errors.

    Args:
        number (int): Of all images.
        ratio (float | str | Fraction): In (0, 1). A float stands for the decimal number that it
            prints as: 0.67 of 100 images are 67.

    Returns:
        int: Number of easy images; at least one, and not all.

    Raises:
        ValueError: If the ratio is outside (0, 1), or leaves no easy image.
    """
    share = Fraction(str(ratio))
    if not 0 < share < 1:
        raise UserError(f'the ratio must lie between 0 and 1, but is {float(share):g}')
    num_easy = int(share * number)
    if num_easy == 0:
        raise UserError(
            f'a ratio of {float(share):g} makes none of the {number} images easy; choose a larger '
            'one'
        )
    return num_easy


def normalize_score(score: float, predicted: Collection[int], rare: Collection[int]) -> float:
    """Lower the score of an image with rare classes: score * ((K - k) / K + 1/2).

    Args:
        score (float): Of the image.
        predicted (Collection[int]): Classes predicted in it, of which k are rare.
        rare (Collection[int]): The K rare classes.

    Returns:
        float: Between 1/2 and 3/2 times the score.

    Source: Released code of Pan et al., IntraDA, CVPR 2020, where K = 11.
    """
    return score * ((len(rare) - len(set(predicted) & set(rare))) / len(rare) + 0.5)

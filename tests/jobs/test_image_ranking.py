import csv
from fractions import Fraction

import pytest

from label_efficient_seg.jobs.image_ranking import Ranking, count_easy, normalize_score, rank_images


@pytest.mark.parametrize(
    ('number', 'ratio', 'expected'),
    [
        # int(ratio * number) in floats would give one less in the first three.
        (100, 0.57, 57),
        (100, 0.29, 29),
        (1000, 0.001, 1),
        (100, 0.67, 67),
        (2975, 0.67, 1993),
        (10, '0.3', 3),
        (7, '2/3', 4),
        (3, Fraction(1, 3), 1),
        (3, 0.999, 2),
        (2, 0.5, 1),
    ],
)
def test_the_easy_share_is_rounded_down_exactly(number, ratio, expected):
    assert count_easy(number, ratio) == expected


@pytest.mark.parametrize('ratio', [0, 1, 1.5, -0.1, '0', '1'])
def test_a_ratio_leaves_both_parts_something(ratio):
    with pytest.raises(ValueError, match='between 0 and 1'):
        count_easy(100, ratio)


@pytest.mark.parametrize(('number', 'ratio'), [(1, 0.67), (9, 0.1), (0, 0.5)])
def test_a_share_of_no_image_is_an_error(number, ratio):
    with pytest.raises(ValueError, match=f'none of the {number} images easy'):
        count_easy(number, ratio)


def test_equal_scores_are_sorted_by_name():
    scores = dict(b=0.2, z=0.1, a=0.2, c=0.2, d=0.05)
    ranking = rank_images(scores, 0.6)
    assert ranking == Ranking(('d', 'z', 'a', 'b', 'c'), (0.05, 0.1, 0.2, 0.2, 0.2), 3)
    assert rank_images(dict(reversed(scores.items())), 0.6) == ranking
    assert [ranking.split(i) for i in range(5)] == ['easy', 'easy', 'easy', 'hard', 'hard']


def test_metrics_by_hand():
    metrics = Ranking(('a', 'b', 'c'), (0.1, 0.3, 0.8), 2).metrics()
    assert metrics == dict(
        images=3,
        easy=2,
        hard=1,
        mean_score=pytest.approx(0.4),
        mean_score_easy=pytest.approx(0.2),
        mean_score_hard=0.8,
    )


def test_lists_and_table(tmp_path):
    third = 1 / 3
    Ranking(('x/b', 'a, too', 'c'), (0.1, third, 0.5), 2).write(tmp_path)
    assert (tmp_path / 'easy.txt').read_text() == 'x/b\na, too\n'
    assert (tmp_path / 'hard.txt').read_text() == 'c\n'
    with open(tmp_path / 'ranking.csv', newline='') as file:
        rows = list(csv.reader(file))
    assert rows == [
        ['image', 'score', 'rank', 'split'],
        ['x/b', '0.1', '1', 'easy'],
        ['a, too', repr(third), '2', 'easy'],
        ['c', '0.5', '3', 'hard'],
    ]


def test_normalised_scores_by_hand():
    rare = [3, 4, 5, 6, 7, 9, 12, 14, 15, 16, 17]
    assert normalize_score(0.02, [0, 1, 2], rare) == pytest.approx(0.03)  # factor 1 + 1/2
    assert normalize_score(0.02, [0, 3, 17], rare) == pytest.approx(0.02 * (9 / 11 + 0.5))
    assert normalize_score(0.02, range(19), rare) == pytest.approx(0.01)  # 0 + 1/2
    assert normalize_score(0.3, [1], [1, 2]) == pytest.approx(0.3)

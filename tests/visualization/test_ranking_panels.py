import io

import numpy as np
import pytest
from PIL import Image

from label_efficient_seg.visualization import (
    RankedImage,
    heatmap,
    make_ranking_panel,
    plot_split_histogram,
)

BLUE, ORANGE = (0, 114, 178), (213, 94, 0)
PALETTE = [(10, 20, 30), (200, 0, 0), (0, 200, 0)]


def columns_with(picture: bytes, color: tuple) -> np.ndarray:
    """Columns of a PNG, left of its legend, that have a pixel of a colour."""
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert('RGB')).astype(int)
    found = (np.abs(pixels - color).max(axis=2) <= 2).sum(axis=0)
    return np.flatnonzero(found > 12)  # more than a line of the legend


def test_the_histogram_shows_both_parts_side_by_side(tmp_path):
    scores = sorted(np.random.default_rng(0).normal(0.02, 0.004, 400))
    picture = plot_split_histogram(scores, 268, ('easy', 'hard'), 'score', tmp_path / 'h.png')
    assert (tmp_path / 'h.png').read_bytes() == picture
    easy, hard = columns_with(picture, BLUE), columns_with(picture, ORANGE)
    assert len(easy) > 100 and len(hard) > 50
    assert easy.max() < hard.min()  # no bar belongs to both


@pytest.mark.parametrize('scores', [[0.2, 0.2], [0.2] * 300, [0.1, 0.1, 0.1, 0.4]])
def test_histograms_of_equal_scores(scores):
    picture = plot_split_histogram(scores, 1, ('easy', 'hard'), 'score')
    assert len(columns_with(picture, ORANGE)) > 0


@pytest.mark.parametrize('num_low', [0, 3])
def test_a_histogram_needs_two_parts(num_low):
    with pytest.raises(ValueError, match='one part empty'):
        plot_split_histogram([0.1, 0.2, 0.3], num_low, ('easy', 'hard'), 'score')


def test_panels_show_image_prediction_and_entropy():
    rows = []
    for label, entropy in ((1, 0.25), (2, 0.75)):
        photo = np.full((40, 80, 3), 100 + label, np.uint8)
        prediction, values = np.full((20, 40), label), np.full((20, 40), entropy)
        rows.append(RankedImage(f'image {label}', photo, prediction, values))
    panel = make_ranking_panel(rows, ('a', 'b', 'c'), PALETTE, tile_width=100)
    assert panel.shape[1] == 3 * (100 + 6) + 6
    for label, entropy in ((1, 0.25), (2, 0.75)):
        expected = [[100 + label] * 3, PALETTE[label], heatmap(np.array([[entropy]]))[0, 0]]
        for tile, color in enumerate(expected):
            left = 6 + tile * 106
            assert (panel[:, left : left + 100] == color).all(axis=2).sum() >= 100 * 50
    assert not (panel == PALETTE[0]).all(axis=2).any()  # the legend names what is predicted

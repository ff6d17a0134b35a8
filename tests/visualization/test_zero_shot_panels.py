"""What panels of zero-shot models hatch and leave grey, and where features are drawn."""

import io

import numpy as np
import pytest
from PIL import Image

from label_efficient_seg.visualization import (
    UNSELECTED_COLOR,
    heatmap,
    make_zero_shot_panel,
    plot_features,
)

CLASSES = ('sky', 'cow', 'sheep')
PALETTE = [(10, 20, 200), (20, 110, 30), (250, 210, 80)]
UNSEEN = (1, 2)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
PHOTO, WIDTH, GAP = 100, 80, 6


def tiles_of(panel: np.ndarray) -> list[np.ndarray]:
    """Square tiles, found by their frames."""
    frame = (panel[:, GAP - 1] == (205, 208, 212)).all(-1)
    top = int(np.flatnonzero(frame)[0]) + 1
    count = (panel.shape[1] - GAP) // (WIDTH + GAP)
    lefts = [GAP + i * (WIDTH + GAP) for i in range(count)]
    return [panel[top : top + WIDTH, left : left + WIDTH] for left in lefts]


def quarters(tile: np.ndarray) -> list[dict[tuple, float]]:
    """Colours of the four quarters of a tile, row by row, with their shares."""
    half = WIDTH // 2
    found = []
    for part in (tile[:half, :half], tile[:half, half:], tile[half:, :half], tile[half:, half:]):
        colors, counts = np.unique(part.reshape(-1, 3), axis=0, return_counts=True)
        found.append(dict(zip(map(tuple, colors.tolist()), counts / half**2, strict=True)))
    return found


def panel_of(truth, prediction, weights):
    photo = np.full((4, 4, 3), PHOTO, np.uint8)
    # Four pixels a quarter, as the masks are at the size of the photo.
    truth, prediction = (np.kron(np.array(m), np.ones((2, 2), int)) for m in (truth, prediction))
    return make_zero_shot_panel(
        photo, truth, prediction, weights, CLASSES, PALETTE, UNSEEN, tile_width=WIDTH
    )


def test_unseen_classes_are_hatched():
    panel = panel_of([[0, 1], [255, 7]], [[2, 0], [1, 0]], None)
    image, truth, prediction = tiles_of(panel)
    assert (image == PHOTO).all()
    sky, cow, ignored, unknown = quarters(truth)
    assert sky == {PALETTE[0]: 1} and ignored == unknown == {WHITE: 1}
    # White stripes on dark colours, black ones on bright colours, two pixels of eight.
    assert cow == {PALETTE[1]: 0.75, WHITE: 0.25}
    sheep, sky, cow, _ = quarters(prediction)
    assert sheep == {PALETTE[2]: 0.75, BLACK: 0.25}
    assert sky == {PALETTE[0]: 1} and cow == {PALETTE[1]: 0.75, WHITE: 0.25}


def test_weights_have_a_scale_and_labels_are_grey():
    weights = np.array([[0, 0.5], [1, np.nan]], np.float32)
    nothing = [[0, 0], [0, 0]]
    found = quarters(tiles_of(panel_of(nothing, nothing, weights))[3])
    colors = [tuple(color.tolist()) for color in heatmap(np.array([[0, 0.5, 1]]))[0]]
    assert found == [{color: 1} for color in [*colors, UNSELECTED_COLOR]]
    # Where all pixels have labels there is nothing to average.
    *_, last = tiles_of(panel_of(nothing, nothing, np.full((3, 3), np.nan)))
    assert (last == UNSELECTED_COLOR).all()


def test_legends_hatch_unseen_classes():
    seen, unseen = (
        panel_of([[0, 0], [0, label]], [[0, 0], [0, 0]], None)[-20:] for label in (0, 1)
    )
    assert not (seen == PALETTE[1]).all(-1).any()
    assert (unseen == PALETTE[1]).all(-1).sum() > 100  # a wide swatch


def near(picture: bytes, color: tuple, tolerance: int = 3) -> np.ndarray:
    """Columns of the pixels of a colour, left of the legend, as shares of the width."""
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert('RGB')).astype(int)[:, :750]
    return np.nonzero(np.abs(pixels - color).max(axis=2) <= tolerance)[1] / 750


@pytest.mark.parametrize('unseen', [(), (1,), (0, 1)])
def test_seen_classes_are_left_and_unseen_ones_right(unseen, tmp_path):
    random = np.random.default_rng(0)
    real = {label: random.normal(size=(40, 2)) for label in (0, 1)}
    generated = {label: random.normal(size=(40, 2)) + 3 for label in (0, 1)}
    picture = plot_features(
        real, generated, CLASSES, PALETTE, unseen, {0: 0.5, 1: 0.25}, (0.6, 0.2),
        tmp_path / 'features.png',
    )  # fmt: skip
    assert (tmp_path / 'features.png').read_bytes() == picture
    for label in (0, 1):
        columns = near(picture, PALETTE[label])
        assert len(columns) > 50
        assert (columns > 0.5).all() if label in unseen else (columns < 0.55).all()

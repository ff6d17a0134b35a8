"""The panel of weak supervision and the plot of background thresholds."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from label_efficient_seg.visualization import CAMRow, make_cam_panel, plot_thresholds

CLASSES = ('background', 'cat', 'cow')
PALETTE = [(0, 0, 0), (200, 0, 100), (0, 160, 40)]
WIDTH, GAP = 80, 6
PHOTO = 100
# A photo of grey level 100 is drawn half way to white, and colours cover 3/4 of what is below.
PALE = 255 - (255 - PHOTO) / 2


def row(**changes: object) -> CAMRow:
    """A grey photo of 2 x 2 pixels with two classes."""
    cams = np.array([[[1, 0], [0.5, 0.2]], [[0, 0], [0.1, 0.8]]], np.float32)
    photo = np.full((2, 2, 3), PHOTO, np.uint8)
    return CAMRow('photo', photo, cams, [1, 2])._replace(**changes)


def tiles_of(panel: np.ndarray, number: int = 0) -> list[np.ndarray]:
    """Square tiles of one row of a panel, found by their frames' left upper corners."""
    frame = (panel[:, GAP - 1] == (205, 208, 212)).all(-1)
    top = [y for y in np.flatnonzero(frame) if not frame[y - 1]][number] + 1
    lefts = range(GAP, panel.shape[1] - GAP, WIDTH + GAP)
    return [panel[top : top + WIDTH, left : left + WIDTH] for left in lefts]


def corners(tile: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(tile[y, x].tolist()) for y, x in ((5, 5), (5, -5), (-5, 5), (-5, -5))]


def tint(label: int, strength: float, below: float = PALE) -> tuple[int, ...]:
    cover = 0.75 * strength
    return tuple(round((1 - cover) * below + cover * c) for c in PALETTE[label])


def assert_close(found: list[tuple], expected: list[tuple]) -> None:
    assert np.abs(np.array(found) - expected).max() <= 1


def test_columns_show_their_input() -> None:
    refined = np.array([[[0.4, 0.1], [0, 0]], [[0, 0.2], [0.3, 0]]], np.float32)
    prediction = np.array([[1, 0], [255, 2]], np.uint8)
    label = np.array([[0, 1], [2, 9]], np.uint8)  # 9 is no class and drawn as ignored
    rows = [row(refined=refined, prediction=prediction, label=label)]
    panel = make_cam_panel(rows, CLASSES, PALETTE, tile_width=WIDTH)
    image, cam, walked, mask, truth = map(corners, tiles_of(panel))
    white = (255, 255, 255)
    assert image == [(PHOTO,) * 3] * 4
    # Of the two classes the stronger one, as strong as it is.
    assert_close(cam, [tint(1, 1), tint(1, 0), tint(1, 0.5), tint(2, 0.8)])
    # The highest score, here 0.4, has the full colour.
    assert_close(walked, [tint(1, 1), tint(2, 0.5), tint(2, 0.75), tint(1, 0)])
    assert_close(mask, [tint(1, 1, PHOTO), tint(0, 1, PHOTO), white, tint(2, 1, PHOTO)])
    assert_close(truth, [tint(0, 1, PHOTO), tint(1, 1, PHOTO), tint(2, 1, PHOTO), white])


def test_columns_without_data_are_left_out() -> None:
    mask = np.zeros((2, 2), np.uint8)

    def count(**data: object) -> int:
        return len(tiles_of(make_cam_panel([row(**data)], CLASSES, PALETTE, tile_width=WIDTH)))

    assert count() == 2
    assert count(refined=row().cams) == 3
    assert count(prediction=mask) == 3
    assert count(label=mask) == 3
    assert count(refined=row().cams, prediction=mask, label=mask) == 5


def test_rows_are_stacked_and_the_legend_names_what_any_of_them_shows() -> None:
    first = row(prediction=np.full((2, 2), 2, np.uint8), cams=row().cams[1:], cam_classes=[2])
    second = row(prediction=np.zeros((2, 2), np.uint8), cams=row().cams[:1], cam_classes=[1])
    panel = make_cam_panel([first, second], CLASSES, PALETTE, tile_width=WIDTH)
    assert_close(corners(tiles_of(panel, 0)[2]), [tint(2, 1, PHOTO)] * 4)
    assert_close(corners(tiles_of(panel, 1)[2]), [tint(0, 1, PHOTO)] * 4)
    swatches = [(panel == color).all(axis=2).sum() > 20 for color in PALETTE]
    assert swatches == [True, True, True]


@pytest.mark.parametrize('changes', [dict(cams=np.zeros((0, 2, 2)), cam_classes=[]),
                                     dict(cams=np.zeros((2, 2, 2)))])  # fmt: skip
def test_no_class_and_empty_maps_leave_the_pale_photo(changes: dict) -> None:
    panel = make_cam_panel([row(**changes)], CLASSES, PALETTE, tile_width=WIDTH)
    assert_close(corners(tiles_of(panel)[1]), [(PALE,) * 3] * 4)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(cam_classes=[1]), r'photo: CAM has maps of shape \(2, 2, 2\), .* 1 classes'),
        (dict(refined=np.zeros((2, 3, 2))), r'refined .*\(2, 3, 2\), .*image is \(2, 2\)'),
    ],
)
def test_maps_that_do_not_fit_are_named(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_cam_panel([row(**changes)], CLASSES, PALETTE)


def columns_with(picture: bytes, color: tuple[int, ...]) -> np.ndarray:
    """Columns of a PNG that a line or a point of a colour passes, without its legend."""
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert('RGB')).astype(int)
    return np.flatnonzero((np.abs(pixels - color).max(axis=2) <= 2).sum(axis=0) > 60)


def test_thresholds_are_marked_where_they_are(tmp_path: Path) -> None:
    thresholds = np.linspace(0, 1, 11)
    values = 40 - 100 * (thresholds - 0.3) ** 2
    path = tmp_path / 'new' / 'thresholds.png'
    picture = plot_thresholds(thresholds, values, path, {'alpha 16': 0.7, 'alpha 4': 0.5})
    assert path.read_bytes() == picture
    best, first, second = (
        columns_with(picture, color).mean()
        for color in ((0, 114, 178), (213, 94, 0), (0, 158, 115))
    )
    assert best < second < first
    assert (second - best) / (first - best) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(('thresholds', 'values'), [([0.1, 0.2], [30]), ([], [])])
def test_thresholds_need_values(thresholds: list, values: list) -> None:
    with pytest.raises(ValueError, match=f'{len(values)} values at {len(thresholds)} thresholds'):
        plot_thresholds(thresholds, values)

"""The panel of a segmentation model: which columns there are and what they show."""

import numpy as np

from label_efficient_seg.visualization import UNSELECTED_COLOR, heatmap, make_segmentation_panel

CLASSES = ('sky', 'tree')
PALETTE = [(10, 20, 200), (20, 150, 30)]
WIDTH, GAP = 80, 6


def tiles_of(panel: np.ndarray, size: int = WIDTH) -> list[np.ndarray]:
    """Square tiles, found by their frames' left upper corners on a panel without a caption."""
    frame = (panel[:, GAP - 1] == (205, 208, 212)).all(-1)
    top = int(np.flatnonzero(frame)[0]) + 1
    count = (panel.shape[1] - GAP) // (WIDTH + GAP)
    lefts = [GAP + i * (WIDTH + GAP) for i in range(count)]
    return [panel[top : top + size, left : left + WIDTH] for left in lefts]


def test_all_columns_show_their_input() -> None:
    prediction = np.array([[0, 1], [1, 1]])
    truth = np.array([[0, 0], [255, 7]])  # 7 is no class and drawn as ignored
    confidence = np.array([[0.1, 0.9], [0.2, 0.3]], np.float32)
    image = np.full((2, 2, 3), (50, 60, 70), np.uint8)
    panel = make_segmentation_panel(
        prediction, image, truth, confidence, 0.2, None, CLASSES, PALETTE, tile_width=WIDTH
    )
    photo, labels, predicted, belief, selected = tiles_of(panel)
    corners = ((5, 5), (5, -5), (-5, 5), (-5, -5))
    white, grey = (255, 255, 255), UNSELECTED_COLOR
    assert np.all(photo == (50, 60, 70))
    assert [tuple(labels[c]) for c in corners] == [PALETTE[0], PALETTE[0], white, white]
    assert [tuple(predicted[c]) for c in corners] == [PALETTE[i] for i in (0, 1, 1, 1)]
    # Strictly above the threshold, as in the self-taught loss: 0.2 itself is not selected.
    assert [tuple(selected[c]) for c in corners] == [grey, PALETTE[1], grey, PALETTE[1]]
    assert [tuple(belief[c]) for c in corners] == [tuple(heatmap(confidence)[c]) for c in
                                                   ((0, 0), (0, 1), (1, 0), (1, 1))]  # fmt: skip


def test_columns_without_input_are_left_out() -> None:
    prediction = np.zeros((4, 4), int)
    image = np.zeros((4, 4, 3), np.uint8)
    confidence = np.ones((4, 4), np.float32)

    def count(**inputs: object) -> int:
        return len(tiles_of(make_segmentation_panel(prediction, tile_width=WIDTH, **inputs)))

    assert count() == 1
    assert count(image=image) == 2
    assert count(image=image, truth=prediction) == 3
    assert count(image=image, confidence=confidence) == 3
    assert count(image=image, confidence=confidence, threshold=0.5) == 4
    assert count(image=image, entropy=confidence) == 3


def test_more_predicted_classes_than_names_and_colors_are_no_error() -> None:
    prediction = np.array([[0, 5]])
    panel = make_segmentation_panel(prediction, classes=CLASSES, palette=PALETTE, tile_width=WIDTH)
    (tile,) = tiles_of(panel, size=WIDTH // 2)
    assert tile[5, 5].tolist() != tile[5, -5].tolist()

import numpy as np

from label_efficient_seg.visualization import heatmap, make_activation_panel, make_aggregation_panel

CLASSES = ('background', 'cat', 'cow')
PALETTE = [(0, 0, 0), (200, 0, 100), (0, 160, 40)]
PHOTO, WIDTH, GAP = 100, 80, 6


def tile(panel: np.ndarray, column: int, top: int = 0) -> np.ndarray:
    """A square tile, found by its frame."""
    frame = (panel[top:, GAP - 1] == (205, 208, 212)).all(-1)
    first = top + int(np.flatnonzero(frame)[0]) + 1
    left = GAP + column * (WIDTH + GAP)
    return panel[first : first + WIDTH, left : left + WIDTH]


def painted(label: int) -> list[int]:
    return [round(0.25 * PHOTO + 0.75 * c) for c in PALETTE[label]]


def test_predictions_stand_beside_the_boxes():
    photo = np.full((20, 20, 3), PHOTO, np.uint8)
    boxes = np.array([[5, 5, 15, 20], [0, 0, 20, 20]])
    predictions = {1: np.zeros((20, 20), int), 10: np.full((20, 20), 2)}
    label = np.full((20, 20), 9)  # no class
    panel = make_aggregation_panel(
        photo, boxes, predictions, CLASSES, PALETTE, label, tile_width=WIDTH
    )
    assert panel.shape[1] == 4 * (WIDTH + GAP) + GAP
    first = tile(panel, 0)
    bright, dark = (heatmap(np.array([[value]]))[0, 0] for value in (1.0, 0.0))
    # Four times as large: the best box begins at 20, 20, and the last one surrounds the photo.
    assert (first[20, 40] == bright).all() and (first[40, 20] == bright).all()
    assert (first[0, 40] == dark).all() and (first[40, 79] == dark).all()
    assert (first[40, 40] == PHOTO).all()
    for column, color in ((1, painted(0)), (2, painted(2)), (3, [255, 255, 255])):
        assert np.abs(tile(panel, column)[5:-5, 5:-5].astype(int) - color).max() <= 1


def test_panels_without_boxes_and_truth():
    photo, nothing = np.full((20, 20, 3), PHOTO, np.uint8), np.zeros((20, 20), int)
    panel = make_aggregation_panel(
        photo, np.zeros((0, 4)), {5: nothing}, CLASSES, PALETTE, tile_width=WIDTH
    )
    assert panel.shape[1] == 2 * (WIDTH + GAP) + GAP
    assert (tile(panel, 0) == PHOTO).all()


def test_activations_have_scales_of_their_own_and_rows():
    photo = np.full((40, 40, 3), PHOTO, np.uint8)
    maps = [np.float32([[0, 3], [1.5, 0]]), np.float32([[0, 6], [3, 0]]), np.zeros((4, 4))]
    activations = [(f'layer {i}', values) for i, values in enumerate(maps)]
    panel = make_activation_panel(photo, activations, tile_width=WIDTH, columns=3)
    assert panel.shape[1] == 3 * (WIDTH + GAP) + GAP
    assert (tile(panel, 0) == PHOTO).all()
    first, second = tile(panel, 1), tile(panel, 2)
    assert np.array_equal(first, second)
    low, middle, high = heatmap(np.array([[0, 0.5, 1]]))[0]
    # Not smoothed: each quarter has one color.
    assert (first[:40, :40] == low).all() and (first[:40, 40:] == high).all()
    assert (first[40:, :40] == middle).all()
    third = tile(panel, 0, top=WIDTH + 40)
    assert (third == low).all()

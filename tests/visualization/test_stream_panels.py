import numpy as np

from label_efficient_seg.visualization.stream_panels import BOX_COLOR, make_stream_panel

IMAGE = np.full((60, 60, 3), 90, np.uint8)


def has(panel: np.ndarray, color) -> np.ndarray:
    return (panel == np.uint8(color)).all(axis=2)


def test_labels_in_the_colors_of_their_classes():
    labels = np.zeros((60, 60), np.int64)
    labels[:20], labels[40:] = 1, 7  # the last is no class
    colors = [(10, 20, 30), (200, 100, 0)]
    panel = make_stream_panel(IMAGE, labels, classes=('sky', 'road'), palette=colors, tile_width=60)
    labels_tile = panel[:, 66:]
    counts = [has(labels_tile[:100], color).sum() for color in colors]
    assert panel.shape[1] == 2 * 66 + 6 and min(counts) >= 20 * 60


def test_labels_without_names_and_nothing_but_void():
    assert make_stream_panel(IMAGE, np.full((60, 60), 255)).shape[1] == 2 * 246 + 6
    assert make_stream_panel(IMAGE).shape[1] == 252


def test_boxes_of_strong_views():
    valid = np.ones((60, 60), bool)
    views = [(IMAGE, (10, 10, 40, 40)), (IMAGE, (0, 0, 0, 0))]
    panel = make_stream_panel(IMAGE, valid=valid, views=views, tile_width=240)
    boxes = has(panel, BOX_COLOR)
    assert panel.shape[1] == 4 * 246 + 6
    assert boxes[:, 2 * 246 : 3 * 246].any() and not boxes[:250, 3 * 246 :].any()

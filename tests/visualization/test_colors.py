"""Painting label and value maps."""

import matplotlib
import numpy as np
import pytest

from label_efficient_seg.visualization import (
    IGNORE_COLOR,
    colorize,
    default_palette,
    heatmap,
    keep_selected,
    overlay,
)

PALETTE = [(0, 0, 0), (200, 10, 20), (30, 40, 250)]


def test_colorize_paints_each_pixel_with_its_class() -> None:
    mask = np.array([[0, 1, 2], [2, 255, 1]], np.uint8)
    image = colorize(mask, PALETTE)
    assert image.dtype == np.uint8
    for y in range(2):
        for x in range(3):
            label = mask[y, x]
            expected = IGNORE_COLOR if label == 255 else PALETTE[label]
            assert tuple(image[y, x]) == expected


def test_colorize_takes_another_ignore_index_and_color() -> None:
    image = colorize(np.array([[-1, 1]]), PALETTE, ignore_index=-1, ignore_color=(9, 8, 7))
    assert image.tolist() == [[[9, 8, 7], [200, 10, 20]]]


@pytest.mark.parametrize('label', [3, -1])
def test_colorize_names_labels_without_a_color(label: int) -> None:
    with pytest.raises(ValueError, match=rf'\[{label}\].*palette has 3'):
        colorize(np.array([[0, label]]), PALETTE)


def test_colorize_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match=r'\(1, 2, 2\)'):
        colorize(np.zeros((1, 2, 2), int), PALETTE)


def test_default_palette_is_that_of_voc() -> None:
    palette = default_palette(256)
    # Published colours of background, aeroplane, bicycle, ..., person, tv/monitor and void.
    known = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 8: (64, 0, 0), 15: (192, 128, 128),
             20: (0, 64, 128), 255: (224, 224, 192)}  # fmt: skip
    assert {index: tuple(palette[index].tolist()) for index in known} == known
    assert len(np.unique(palette, axis=0)) == 256
    with pytest.raises(ValueError, match='257'):
        default_palette(257)


def test_heatmap_is_viridis() -> None:
    values = np.linspace(0, 1, 11)[None]
    expected = matplotlib.colormaps['viridis'](values)[..., :3] * 255
    assert np.abs(heatmap(values).astype(float) - expected).max() <= 3  # OpenCV rounds its table


def test_heatmap_clips_and_marks_what_is_not_finite() -> None:
    image = heatmap(np.array([[-1.0, 0.0, 1.0, 7.0, np.nan, np.inf]]))
    assert image[0, 0].tolist() == image[0, 1].tolist()
    assert image[0, 2].tolist() == image[0, 3].tolist()
    assert tuple(image[0, 4]) == tuple(image[0, 5]) == IGNORE_COLOR


def test_overlay_blends_where_asked() -> None:
    photo = np.full((1, 2, 3), 100, np.uint8)
    colors = np.full((1, 2, 3), 201, np.uint8)
    image = overlay(photo, colors, alpha=0.25, where=np.array([[True, False]]))
    assert image.dtype == np.uint8
    assert image[0, :, 0].tolist() == [125, 100]  # 0.75 * 100 + 0.25 * 201 = 125.25
    with pytest.raises(ValueError, match='sizes differ'):
        overlay(photo, colors[:, :1])


def test_keep_selected_paints_the_others() -> None:
    colors = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
    image = keep_selected(colors, np.array([[False, True]]), color=(7, 7, 7))
    assert image.dtype == np.uint8
    assert image.tolist() == [[[7, 7, 7], [4, 5, 6]]]


def test_value_maps_have_two_dimensions() -> None:
    with pytest.raises(ValueError, match=r'shape \(H, W\), but got \(1, 2, 3\)'):
        heatmap(np.zeros((1, 2, 3)))

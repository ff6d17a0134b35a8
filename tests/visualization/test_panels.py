"""Geometry and pixels of panels."""

import numpy as np
import pytest

from label_efficient_seg.visualization import (
    LegendEntry,
    Tile,
    class_legend,
    colorize,
    default_palette,
    make_grid,
    make_panel,
    resize_to,
    scale_legend,
)

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
WHITE = (255, 255, 255)


def solid(color: tuple[int, int, int], height: int = 6, width: int = 8) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def boxes_of(image: np.ndarray, color: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Bounding box (left, top, width, height) of a colour; fails if the box is not full of it."""
    ys, xs = np.nonzero((image == color).all(-1))
    left, top, right, bottom = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
    assert len(ys) == (right - left) * (bottom - top)
    return left, top, right - left, bottom - top


def test_tiles_lie_side_by_side_with_gaps() -> None:
    columns = [('a', solid(RED)), ('b', solid(GREEN)), ('c', solid(BLUE))]
    panel = make_panel(columns, tile_width=80, gap=6)
    assert panel.dtype == np.uint8
    assert panel.shape[1] == 3 * 86 + 6
    found = [boxes_of(panel, color) for color in (RED, GREEN, BLUE)]
    assert [box[0] for box in found] == [6, 92, 178]
    assert len({box[1] for box in found}) == 1  # one top
    assert all(box[2:] == (80, 60) for box in found)  # the aspect ratio of 8 x 6 is kept


def test_title_is_written_above_its_tile_and_stays_over_it() -> None:
    titled = make_panel([('x' * 200, solid(RED)), ('', solid(GREEN))], tile_width=80, gap=6)
    top = boxes_of(titled, RED)[1]
    ink = (titled[: top - 1] < 128).all(-1)
    assert ink[:, 6:86].any()
    assert not ink[:, 86:].any()


def test_caption_and_legend_add_lines_but_do_not_move_columns() -> None:
    plain = make_panel([('a', solid(RED))], tile_width=120)
    full = make_panel([('a', solid(RED))], [LegendEntry('sky', BLUE)], 'name', tile_width=120)
    left, top, *size = boxes_of(plain, RED)
    captioned = boxes_of(full, RED)
    assert captioned[0] == left and list(captioned[2:]) == size
    assert captioned[1] > top
    legend_top = captioned[1] + captioned[3]
    assert (full[legend_top:] == BLUE).all(-1).any()
    assert len(full) - legend_top > len(plain) - (top + size[1])


def test_legend_wraps_to_the_width_of_the_panel() -> None:
    entries = [LegendEntry(f'a class name {i}', (0, 0, 100 + i)) for i in range(12)]
    panel = make_panel([('a', solid(RED))], entries, tile_width=240)
    rows = {}
    for entry in entries:
        ys, xs = np.nonzero((panel == entry.swatch).all(-1))
        assert len(ys), f'{entry.label} is missing'
        rows.setdefault(ys.min(), []).append(xs.min())
    assert len(rows) > 3
    assert min(min(xs) for xs in rows.values()) == max(min(xs) for xs in rows.values())


@pytest.mark.parametrize('size', [(128, 128), (37, 53), (500, 375), (1024, 2048)])
def test_masks_keep_their_colors_at_any_scale(size: tuple[int, int]) -> None:
    palette = default_palette(21)[1:]
    mask = np.random.default_rng(0).integers(0, 20, size)
    panel = make_panel([Tile('', colorize(mask, palette), smooth=False)], tile_width=240, gap=6)
    height = round(240 * size[0] / size[1])
    tile = panel[-height - 6 : -6, 6:246]
    colors = {tuple(color) for color in tile.reshape(-1, 3).tolist()}
    assert colors <= {tuple(color) for color in palette.tolist()}


def test_nearest_upscaling_repeats_pixels() -> None:
    mask = np.random.default_rng(0).integers(0, 5, (7, 9)).astype(np.uint8)
    assert np.array_equal(resize_to(mask, 27, 21, smooth=False), mask.repeat(3, 0).repeat(3, 1))


def test_nearest_shrinking_takes_pixels_at_the_centres() -> None:
    mask = np.arange(81, dtype=np.uint8).reshape(9, 9)
    assert np.array_equal(resize_to(mask, 3, 3, smooth=False), mask[1::3, 1::3])


def test_photos_are_averaged_when_shrunk_and_smooth_when_enlarged() -> None:
    checkerboard = (np.indices((8, 8)).sum(0) % 2 * 200).astype(np.uint8)
    assert np.all(resize_to(checkerboard, 4, 4) == 100)
    ramp = np.array([[0, 200]], np.uint8)
    assert len(np.unique(resize_to(ramp, 20, 1))) > 5


def test_another_aspect_ratio_is_centred_not_stretched() -> None:
    panel = make_panel([('', solid(GREEN, 8, 8)), ('', solid(RED, 8, 4))], tile_width=80, gap=6)
    square, upright = boxes_of(panel, GREEN), boxes_of(panel, RED)
    assert upright == (6 + 86 + 20, square[1], 40, 80)


@pytest.mark.parametrize(
    ('columns', 'message'),
    [
        ([], 'at least one column'),
        ([('a mask', np.zeros((4, 4), np.uint8))], 'a mask.*colorize'),
        ([('values', np.zeros((4, 4, 3), np.float32))], 'values.*float32'),
    ],
)
def test_what_is_not_an_image_is_refused_by_name(columns: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_panel(columns)


def test_legend_lists_present_classes_in_order_and_ignored_last() -> None:
    masks = [np.array([[2, 255]]), np.array([[0, 2]])]
    legend = class_legend(masks, ['sky', 'tree', 'road'], [RED, GREEN, BLUE])
    assert [entry.label for entry in legend] == ['sky', 'road', 'ignored']
    assert [tuple(entry.swatch) for entry in legend] == [RED, BLUE, WHITE]


def test_scale_runs_from_dark_to_light() -> None:
    panel = make_panel([('', solid(WHITE))], [scale_legend('0 to 1')], tile_width=240)
    # Purple and yellow; the frame covers the exact ends of the scale.
    dark = (np.abs(panel.astype(int) - (68, 1, 84)).max(-1) < 20).nonzero()[1]
    light = (np.abs(panel.astype(int) - (253, 231, 37)).max(-1) < 20).nonzero()[1]
    assert dark.size and light.size
    assert dark.max() < light.min()


def test_grid_stacks_rows_and_fills_the_rest() -> None:
    grid = make_grid([solid(RED, 4, 10), solid(BLUE, 3, 6)], gap=2)
    assert grid.shape == (9, 10, 3)
    assert boxes_of(grid, RED) == (0, 0, 10, 4)
    assert boxes_of(grid, BLUE) == (0, 6, 6, 3)
    assert np.all(grid[4:6] == 255) and np.all(grid[6:, 6:] == 255)
    with pytest.raises(ValueError, match='at least one row'):
        make_grid([])

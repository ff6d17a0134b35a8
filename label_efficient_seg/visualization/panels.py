"""Compose result panels: rows of titled tiles with a legend, as RGB images."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..core.errors import UserError
from ..core.labels import IGNORE
from .colors import IGNORE_COLOR, RGB, heatmap

BACKGROUND = (255, 255, 255)
TEXT_COLOR = (32, 33, 36)
BORDER_COLOR = (205, 208, 212)


class Tile(NamedTuple):
    """One column of a panel.

    Attributes:
        title (str): Heading, shortened with an ellipsis when it is wider than the tile.
        image (np.ndarray): RGB image, shape (H, W, 3), uint8.
        smooth (bool): Photos and value maps are resampled smoothly; painted label maps must not
            be, since blending two class colours invents a third.
    """

    title: str
    image: np.ndarray
    smooth: bool = True


class LegendEntry(NamedTuple):
    """A swatch and its meaning; the swatch is one colour or a small RGB image (a scale)."""

    label: str
    swatch: RGB | np.ndarray


def class_legend(
    masks: Iterable[np.ndarray],
    classes: Sequence[str],
    palette: Sequence[RGB] | np.ndarray,
    ignore_index: int = IGNORE,
) -> list[LegendEntry]:
    """Legend entries of the classes that occur in any of some label maps.

    Args:
        masks (Iterable[np.ndarray]): Label maps of any shape.
        classes (Sequence[str]): Class names.
        palette (Sequence[RGB] | np.ndarray): One colour per class.
        ignore_index (int): Label listed last, as 'ignored'.

    Returns:
        list[LegendEntry]: In class order.
    """
    present = sorted({int(label) for mask in masks for label in np.unique(mask)})
    entries = [LegendEntry(classes[i], palette[i]) for i in present if i != ignore_index]
    if ignore_index in present:
        entries.append(LegendEntry('ignored', IGNORE_COLOR))
    return entries


def scale_legend(label: str) -> LegendEntry:
    """Legend entry for ``heatmap``: a colour scale from 0 (left) to 1 (right)."""
    return LegendEntry(label, heatmap(np.linspace(0, 1, 64)[None]))


def make_panel(
    columns: Sequence[Tile | tuple[str, np.ndarray]],
    legend: Sequence[LegendEntry] = (),
    caption: str = '',
    tile_width: int = 240,
    gap: int = 6,
) -> np.ndarray:
    """A row of equally sized tiles with titles, over a legend.

    All tiles take the aspect ratio of the first; an image of another shape is centred in its tile.
    The geometry is ``gap | tile | gap | tile | ... | gap`` from the left; from the top a caption
    line where there is one, the title line, the tiles, and as many legend lines as needed.

    Args:
        columns (Sequence[Tile | tuple[str, np.ndarray]]): The tiles, left to right; a plain
            ``(title, image)`` is resampled smoothly.
        legend (Sequence[LegendEntry]): Entries below the tiles, wrapped to the panel's width.
        caption (str): Line above everything, e.g. the name of the image.
        tile_width (int): Width of a tile in pixels, whatever the size of the images.
        gap (int): Pixels between tiles and around them.

    Returns:
        np.ndarray: RGB image, shape (H, W, 3), uint8, with
        ``W = len(columns) * (tile_width + gap) + gap``.

    Raises:
        ValueError: If there is no column, or an image is not uint8 RGB.
    """
    tiles = [Tile(*column) for column in columns]
    if not tiles:
        raise UserError('a panel needs at least one column')
    for tile in tiles:
        _check_rgb(tile.image, f'column {tile.title!r}')
    height, width = tiles[0].image.shape[:2]
    tile_height = max(1, round(tile_width * height / width))

    font = _font(max(10, round(tile_width * 0.055)))
    line = _line_height(font)
    top = gap + (line + gap if caption else 0)
    tiles_top = top + line + gap // 2
    panel_width = len(tiles) * (tile_width + gap) + gap
    legend_lines = _wrap_legend(legend, font, panel_width - 2 * gap, gap)
    panel_height = tiles_top + tile_height + gap + len(legend_lines) * (line + gap)

    canvas = Image.new('RGB', (panel_width, panel_height), BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    if caption:
        bold = _font(font.size, 'DejaVuSans-Bold')
        draw.text((gap, gap), _shorten(caption, bold, panel_width - 2 * gap), TEXT_COLOR, bold)
    for index, tile in enumerate(tiles):
        left = gap + index * (tile_width + gap)
        draw.text((left, top), _shorten(tile.title, font, tile_width), TEXT_COLOR, font)
        _paste_tile(canvas, draw, tile, (left, tiles_top, tile_width, tile_height))
    for number, entries in enumerate(legend_lines):
        y = tiles_top + tile_height + gap + number * (line + gap)
        _draw_legend_line(canvas, draw, entries, font, gap, y)
    return np.asarray(canvas).copy()


def make_grid(rows: Sequence[np.ndarray], gap: int = 0) -> np.ndarray:
    """Stack panels, left aligned, over the width of the widest.

    Args:
        rows (Sequence[np.ndarray]): RGB images, each of shape (H_i, W_i, 3), uint8.
        gap (int): Background pixels between rows.

    Returns:
        np.ndarray: RGB image, shape (sum of H_i + gaps, max of W_i, 3), uint8.

    Raises:
        ValueError: If there is no row, or a row is not uint8 RGB.
    """
    if not rows:
        raise UserError('a grid needs at least one row')
    for index, row in enumerate(rows):
        _check_rgb(row, f'row {index}')
    height = sum(len(row) for row in rows) + gap * (len(rows) - 1)
    grid = np.full((height, max(row.shape[1] for row in rows), 3), BACKGROUND, np.uint8)
    top = 0
    for row in rows:
        grid[top : top + len(row), : row.shape[1]] = row
        top += len(row) + gap
    return grid


def resize_to(image: np.ndarray, width: int, height: int, smooth: bool = True) -> np.ndarray:
    """Resize an image: averaged when shrinking, linear when growing, or nearest when not smooth.

    Args:
        image (np.ndarray): Shape (H, W, 3) or (H, W), uint8.
        width (int): New width in pixels.
        height (int): New height in pixels.
        smooth (bool): False keeps the set of colours, for painted label maps.

    Returns:
        np.ndarray: Shape (height, width, 3) or (height, width), uint8.
    """
    if image.shape[:2] == (height, width):
        return image
    if not smooth:
        # INTER_NEAREST_EXACT samples at pixel centres; INTER_NEAREST shifts by half a pixel.
        method = cv2.INTER_NEAREST_EXACT
    else:
        # Cubic would overshoot, which gives heat maps colours that are not on their scale.
        method = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_LINEAR
    return cv2.resize(image, (width, height), interpolation=method)


def _check_rgb(image: np.ndarray, what: str) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise UserError(
            f'{what} must be uint8 of shape (H, W, 3), but is {image.dtype} of {image.shape}; '
            'paint label maps with colorize() and value maps with heatmap()'
        )


@lru_cache
def _font(size: int, name: str = 'DejaVuSans') -> ImageFont.FreeTypeFont:
    import matplotlib

    # Matplotlib carries these fonts, so panels look the same on every machine.
    path = Path(matplotlib.get_data_path(), 'fonts', 'ttf', f'{name}.ttf')
    return ImageFont.truetype(str(path), size)


def _line_height(font: ImageFont.FreeTypeFont) -> int:
    return sum(font.getmetrics())


def _shorten(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + '…') > width:
        text = text[:-1]
    return text.rstrip() + '…'


def _paste_tile(
    canvas: Image.Image,
    draw: ImageDraw.ImageDraw,
    tile: Tile,
    box: tuple[int, int, int, int],
) -> None:
    """Fit the image into the box (left, top, width, height), centred, with a thin border around."""
    left, top, width, height = box
    source_height, source_width = tile.image.shape[:2]
    scale = min(width / source_width, height / source_height)
    # The first image defines the box; rounding must not leave a line of background beside it.
    fitted_width, fitted_height = (
        size if abs(size - source * scale) < 1 else max(1, round(source * scale))
        for size, source in ((width, source_width), (height, source_height))
    )
    fitted = resize_to(tile.image, fitted_width, fitted_height, tile.smooth)
    draw.rectangle((left - 1, top - 1, left + width, top + height), outline=BORDER_COLOR)
    corner = left + (width - fitted_width) // 2, top + (height - fitted_height) // 2
    canvas.paste(Image.fromarray(fitted), corner)


def _swatch_size(entry: LegendEntry, font: ImageFont.FreeTypeFont) -> tuple[int, int]:
    height = round(font.size * 0.9)
    return (height if np.ndim(entry.swatch) == 1 else 5 * height), height


def _entry_width(entry: LegendEntry, font: ImageFont.FreeTypeFont) -> int:
    return _swatch_size(entry, font)[0] + round(font.size * 0.4 + font.getlength(entry.label))


def _wrap_legend(
    legend: Sequence[LegendEntry], font: ImageFont.FreeTypeFont, width: int, gap: int
) -> list[list[LegendEntry]]:
    lines: list[list[LegendEntry]] = []
    used = 0
    for entry in legend:
        needed = _entry_width(entry, font) + 2 * gap
        if not lines or used + needed - 2 * gap > width:
            lines.append([])
            used = 0
        lines[-1].append(entry)
        used += needed
    return lines


def _draw_legend_line(
    canvas: Image.Image,
    draw: ImageDraw.ImageDraw,
    entries: Sequence[LegendEntry],
    font: ImageFont.FreeTypeFont,
    gap: int,
    y: int,
) -> None:
    x = gap
    for entry in entries:
        width, height = _swatch_size(entry, font)
        top = y + (_line_height(font) - height) // 2
        swatch = np.asarray(entry.swatch, np.uint8)
        swatch = swatch[None, None] if swatch.ndim == 1 else swatch
        canvas.paste(Image.fromarray(resize_to(swatch, width, height)), (x, top))
        draw.rectangle((x, top, x + width - 1, top + height - 1), outline=BORDER_COLOR)
        draw.text((x + width + round(font.size * 0.4), y), entry.label, TEXT_COLOR, font)
        x += _entry_width(entry, font) + 2 * gap

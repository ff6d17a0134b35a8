"""Pictures of DeconvNet: what more proposals add, and what the layers of the decoder add."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from ..core.labels import IGNORE
from .colors import IGNORE_COLOR, RGB, colorize, heatmap, overlay
from .panels import Tile, class_legend, make_grid, make_panel, resize_to, scale_legend

# How much of the photo a class colour covers.
COVERAGE = 0.75
MAX_BOXES = 10


def make_aggregation_panel(
    image: np.ndarray,
    boxes: np.ndarray,
    predictions: Mapping[int, np.ndarray],
    classes: Sequence[str],
    palette: Sequence[RGB] | np.ndarray,
    label: np.ndarray | None = None,
    ignore_index: int = IGNORE,
    caption: str = '',
    tile_width: int = 240,
) -> np.ndarray:
    """Compose best boxes | prediction after so many proposals, ... | ground truth.

    Args:
        image (np.ndarray): Photo, RGB uint8, shape (H, W, 3).
        boxes (np.ndarray): x1, y1, x2, y2 in pixels of the photo, the best first, shape (P, 4).
            The first ten are drawn, the best one brightest.
        predictions (Mapping[int, np.ndarray]): Class indices, shape (H, W), by the number of
            proposals they are made from.
        classes (Sequence[str]): Class names.
        palette (Sequence[RGB] | np.ndarray): One colour per class.
        label (np.ndarray, optional): Ground truth, shape (H, W). Labels without a class are drawn
            as ignored.
        ignore_index (int): Label of pixels without a class.
        caption (str): Line above the panel.
        tile_width (int): Width of a column in pixels.

    Returns:
        np.ndarray: RGB image, uint8.
    """
    masks = {
        f'{number} proposal{"s" * (number != 1)}': mask for number, mask in predictions.items()
    }
    if label is not None:
        masks['ground truth'] = np.where(label < len(classes), label, ignore_index)
    shown = min(len(boxes), MAX_BOXES)
    title = f'the best {shown} of {len(boxes)} boxes' if shown < len(boxes) else f'{shown} boxes'
    tiles = [Tile(title, _draw_boxes(image, boxes[:shown], tile_width))]
    for title, mask in masks.items():
        painted = overlay(image, colorize(mask, palette, ignore_index), COVERAGE)
        painted[mask == ignore_index] = IGNORE_COLOR
        tiles.append(Tile(title, painted, smooth=False))
    legend = class_legend(masks.values(), classes, palette, ignore_index)
    if shown > 1:
        legend.append(scale_legend('boxes, the last to the best'))
    return make_panel(tiles, legend, caption, tile_width)


def make_activation_panel(
    image: np.ndarray,
    activations: Sequence[tuple[str, np.ndarray]],
    caption: str = '',
    tile_width: int = 160,
    columns: int = 6,
) -> np.ndarray:
    """Compose an image and the activations of layer after layer, in rows.

    Each map has a scale of its own, whose upper end is in its title; its pixels are not smoothed.

    Args:
        image (np.ndarray): What the network saw, RGB uint8, shape (H, W, 3).
        activations (Sequence[tuple[str, np.ndarray]]): Title and map, values >= 0, shape (h, w).
        caption (str): Line above the panel.
        tile_width (int): Width of a column in pixels.
        columns (int): Tiles in a row.

    Returns:
        np.ndarray: RGB image, uint8.
    """
    # In the shape of the image, whatever the layers round their sizes to.
    height = max(1, round(tile_width * image.shape[0] / image.shape[1]))
    tiles = [Tile('image', image)]
    for title, values in activations:
        highest = float(values.max(initial=0))
        painted = heatmap(values / highest if highest > 0 else values)
        painted = resize_to(painted, tile_width, height, smooth=False)
        tiles.append(Tile(f'{title}: up to {highest:.2g}', painted, smooth=False))
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    panels = []
    for row in rows:
        legend = [scale_legend('activation, 0 to the highest')] if row is rows[-1] else []
        panels.append(make_panel(row, legend, caption if row is rows[0] else '', tile_width))
    return make_grid(panels)


def _draw_boxes(image: np.ndarray, boxes: np.ndarray, width: int) -> np.ndarray:
    """Frames over the photo at the size of the tile, so that lines are as wide in all panels."""
    scale = width / image.shape[1]
    drawn = resize_to(image, width, max(1, round(image.shape[0] * scale)))
    colors = heatmap(np.linspace(1, 0, max(len(boxes), 2))[None])[0].tolist()
    limit = np.array(drawn.shape[1::-1]) - 1
    for box, color in reversed(list(zip(boxes, colors, strict=False))):
        x1, y1, x2, y2 = np.rint(np.asarray(box, float) * scale).astype(int).tolist()
        low, high = (x1, y1), np.minimum((x2 - 1, y2 - 1), limit).tolist()
        cv2.rectangle(drawn, low, high, (0, 0, 0), 4)
        cv2.rectangle(drawn, low, high, color, 2)
    return drawn

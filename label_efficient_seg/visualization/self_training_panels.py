"""What a model that teaches itself makes of an unlabeled image."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..core.labels import IGNORE
from .colors import (
    IGNORE_COLOR,
    RGB,
    UNSELECTED_COLOR,
    colorize,
    default_palette,
    heatmap,
    keep_selected,
)
from .panels import LegendEntry, Tile, class_legend, make_panel, scale_legend


class Lesson(NamedTuple):
    """An image that the model learns from, and what it is to predict.

    Attributes:
        title (str): Heading of the image.
        image (np.ndarray): RGB uint8, shape (H, W, 3).
        labels (np.ndarray): Class indices, shape (H, W); 255 for pixels without a label.
        kept (np.ndarray): Boolean, shape (H, W): pixels whose loss counts.
    """

    title: str
    image: np.ndarray
    labels: np.ndarray
    kept: np.ndarray


def make_self_training_panel(
    first: Lesson,
    confidence: np.ndarray,
    others: Sequence[Lesson],
    classes: Sequence[str] | None = None,
    palette: Sequence[RGB] | np.ndarray | None = None,
    caption: str = '',
    tile_width: int = 240,
) -> np.ndarray:
    """Compose image | pseudo labels | confidence | kept, then each other image with its labels.

    Args:
        first (Lesson): The unlabeled image with its pseudo labels.
        confidence (np.ndarray): Of the pseudo labels, in [0, 1], shape (H, W).
        others (Sequence[Lesson]): The images that are made of it: strong views, mixed and masked
            ones.
        classes (Sequence[str], optional): Class names. Defaults to 'class 0', 'class 1', ...
        palette (Sequence[RGB] | np.ndarray, optional): One colour per class.
        caption (str): Line above the panel.
        tile_width (int): Width of a column in pixels.

    Returns:
        np.ndarray: RGB image, uint8.
    """
    masks = [first.labels, *(lesson.labels for lesson in others)]
    number = 1 + max(int(mask[mask != IGNORE].max(initial=0)) for mask in masks)
    names = list(classes or [f'class {index}' for index in range(number)])
    colors = palette if palette is not None and len(palette) >= len(names) else None
    colors = default_palette(len(names)) if colors is None else colors

    def painted(lesson: Lesson, title: str) -> Tile:
        paint = keep_selected(colorize(lesson.labels, colors), lesson.kept)
        paint[lesson.labels == IGNORE] = IGNORE_COLOR
        return Tile(title, paint, smooth=False)

    tiles = [
        Tile(first.title, first.image),
        Tile('pseudo labels', colorize(first.labels, colors), smooth=False),
        Tile('confidence', heatmap(confidence)),
        painted(first, f'kept: {100 * first.kept.mean():.0f} %'),
    ]
    for lesson in others:
        tiles += [Tile(lesson.title, lesson.image), painted(lesson, 'what it learns')]
    legend = class_legend(masks, names, colors)
    legend += [LegendEntry('not learned', UNSELECTED_COLOR), scale_legend('confidence, 0 to 1')]
    return make_panel(tiles, legend, caption, tile_width)

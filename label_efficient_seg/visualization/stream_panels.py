"""What a training stream feeds: images after augmentation, and their labels."""

from collections.abc import Sequence

import cv2
import numpy as np

from ..core.labels import IGNORE
from .colors import IGNORE_COLOR, RGB, UNSELECTED_COLOR, colorize, default_palette
from .panels import LegendEntry, Tile, class_legend, make_panel

BOX_COLOR = (230, 25, 75)


def make_stream_panel(
    image: np.ndarray,
    labels: np.ndarray | None = None,
    valid: np.ndarray | None = None,
    views: Sequence[tuple[np.ndarray, Sequence[int]]] = (),
    classes: Sequence[str] | None = None,
    palette: Sequence[RGB] | np.ndarray | None = None,
    caption: str = '',
    tile_width: int = 240,
) -> np.ndarray:
    """Compose image | labels or valid pixels | strong views.

    Args:
        image (np.ndarray): What the model sees, RGB uint8, shape (H, W, 3).
        labels (np.ndarray, optional): Class indices, shape (h, w). Labels without a class are drawn
            as ignored.
        valid (np.ndarray, optional): Boolean mask (H, W) of the pixels of an unlabeled image that
            are no padding.
        views (Sequence[tuple]): Strong views, each an RGB image of the same size and the box, x1,
            y1, x2, y2, into which another image is pasted; of no size if nothing is.
        classes (Sequence[str], optional): Class names. Defaults to 'class 0', 'class 1', ...
        palette (Sequence[RGB] | np.ndarray, optional): One colour per class.
        caption (str): Line above the panel.
        tile_width (int): Width of a column in pixels.

    Returns:
        np.ndarray: RGB image, uint8.
    """
    tiles, legend = [Tile('image', image)], []
    if labels is not None:
        known = labels[labels != IGNORE]
        names = list(classes or [f'class {i}' for i in range(int(known.max(initial=0)) + 1)])
        colors = palette if palette is not None and len(palette) >= len(names) else None
        colors = default_palette(len(names)) if colors is None else colors
        labels = np.where((labels >= 0) & (labels < len(names)), labels, IGNORE)
        tiles.append(Tile('labels', colorize(labels, colors), smooth=False))
        legend += class_legend([labels], names, colors)
    if valid is not None:
        painted = np.where(valid[..., None], UNSELECTED_COLOR, IGNORE_COLOR).astype(np.uint8)
        tiles.append(Tile('no labels', painted, smooth=False))
        legend += [LegendEntry('image', UNSELECTED_COLOR), LegendEntry('padding', IGNORE_COLOR)]
    for number, (view, (x1, y1, x2, y2)) in enumerate(views, start=1):
        drawn = view.copy()
        if x2 > x1:
            cv2.rectangle(drawn, (x1, y1), (x2 - 1, y2 - 1), BOX_COLOR, 2)
            legend += [LegendEntry('box of another image', BOX_COLOR)] if number == 1 else []
        tiles.append(Tile(f'strong view {number}', drawn))
    return make_panel(tiles, legend, caption, tile_width)

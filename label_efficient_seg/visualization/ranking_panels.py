"""Pictures of a ranking: how the scores of images are distributed, and what some images show."""

import math
import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..core.errors import UserError
from .colors import RGB, colorize, heatmap
from .curves import RUN_COLORS
from .output import encode_figure, style_axes
from .panels import Tile, class_legend, make_grid, make_panel, scale_legend


class RankedImage(NamedTuple):
    """One row of :func:`make_ranking_panel`.

    Attributes:
        caption (str): Line above the row, such as the image's name, rank and score.
        image (np.ndarray): Photo, RGB uint8, shape (H', W', 3).
        prediction (np.ndarray): Class indices, shape (H, W).
        entropy (np.ndarray): In [0, 1], shape (H, W).
    """

    caption: str
    image: np.ndarray
    prediction: np.ndarray
    entropy: np.ndarray


def make_ranking_panel(
    rows: Sequence[RankedImage],
    classes: Sequence[str],
    palette: Sequence[RGB] | np.ndarray,
    tile_width: int = 300,
) -> np.ndarray:
    """Compose rows of image | prediction | entropy over one legend.

    Args:
        rows (Sequence[RankedImage]): From top to bottom.
        classes (Sequence[str]): Class names.
        palette (Sequence[RGB] | np.ndarray): One colour per class.
        tile_width (int): Width of a column in pixels.

    Returns:
        np.ndarray: RGB image, uint8.
    """
    legend = class_legend([row.prediction for row in rows], classes, palette)
    legend.append(scale_legend('entropy, 0 to 1'))
    panels = []
    for row in rows:
        tiles = [
            Tile('image', row.image),
            Tile('prediction', colorize(row.prediction, palette), smooth=False),
            Tile(f'entropy: {row.entropy.mean():.3f} on average', heatmap(row.entropy)),
        ]
        last = row is rows[-1]
        panels.append(make_panel(tiles, legend if last else (), row.caption, tile_width))
    return make_grid(panels)


def plot_split_histogram(
    scores: Sequence[float],
    num_low: int,
    names: tuple[str, str],
    label: str,
    path: str | os.PathLike | None = None,
) -> bytes:
    """Draw how scores are distributed, and where they are divided.

    Args:
        scores (Sequence[float]): In ascending order.
        num_low (int): How many of them belong to the lower part; at least one, and not all.
        names (tuple[str, str]): Of the lower and of the upper part.
        label (str): What a score is.
        path (str | os.PathLike, optional): Where to write the PNG file.

    Returns:
        bytes: The PNG file.

    Raises:
        ValueError: If one part is empty.
    """
    low, high = np.asarray(scores[:num_low]), np.asarray(scores[num_low:])
    if not len(low) or not len(high):
        raise UserError(f'{num_low} of {len(scores)} scores leaves one part empty')
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), dpi=100, layout='constrained')
    axis = figure.subplots()
    split = (low[-1] + high[0]) / 2
    width = (high[-1] - low[0]) / min(50, max(10, len(scores) // 10)) or 1.0
    # An edge at the border, so that no bar crosses it; a spare bin at each end for rounding.
    first, last = math.floor((low[0] - split) / width), math.ceil((high[-1] - split) / width)
    bins = split + width * np.arange(first - 1, last + 2)
    labels = [f'{name}: {len(part)}' for name, part in zip(names, (low, high), strict=True)]
    axis.hist([low, high], bins, stacked=True, color=RUN_COLORS[:2], label=labels)
    axis.axvline(split, color='#444444', ls='--', lw=1.5, label=f'divided at {split:.4g}')
    axis.set_xlabel(label, fontsize=9)
    axis.set_ylabel('images', fontsize=9)
    style_axes(axis)
    axis.yaxis.get_major_locator().set_params(integer=True)
    axis.set_axisbelow(True)
    axis.legend(fontsize=9, frameon=False)
    return encode_figure(figure, path)

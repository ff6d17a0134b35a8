"""Pictures of zero-shot segmentation: what classes without labels get, and generated features."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..core.labels import IGNORE
from .colors import RGB, UNSELECTED_COLOR, colorize, heatmap, keep_selected
from .output import encode_figure, style_axes
from .panels import LegendEntry, Tile, class_legend, make_panel, resize_to, scale_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Pixels of a panel: distance of the stripes along a row, and their width.
PERIOD, STRIPE = 8, 2
SWATCH = (60, 12)


def make_zero_shot_panel(
    image: np.ndarray,
    truth: np.ndarray,
    prediction: np.ndarray,
    weights: np.ndarray | None,
    classes: Sequence[str],
    palette: Sequence[RGB] | np.ndarray,
    unseen: Collection[int],
    ignore_index: int = IGNORE,
    caption: str = '',
    tile_width: int = 240,
) -> np.ndarray:
    """Compose image | ground truth | prediction | weights of pseudo labels.

    Unseen classes are hatched, so that one sees which areas had no labels.

    Args:
        image (np.ndarray): Photo, RGB uint8, shape (H, W, 3).
        truth (np.ndarray): Class indices, shape (H, W). Labels without a class are drawn as
            ignored.
        prediction (np.ndarray): Class indices, shape (H, W).
        weights (np.ndarray, optional): What a pseudo label weighs, in [0, 1], and NaN where a pixel
            has a label; any shape (h, w) that covers the image. Without it, there is no such
            column.
        classes (Sequence[str]): Class names.
        palette (Sequence[RGB] | np.ndarray): One colour per class.
        unseen (Collection[int]): Indices of the unseen classes.
        ignore_index (int): Label of pixels without a class.
        caption (str): Line above the panel.
        tile_width (int): Width of a column in pixels.

    Returns:
        np.ndarray: RGB image, uint8.
    """
    # Painted at the size of a tile, so that stripes are as wide in all panels.
    size = tile_width, max(1, round(tile_width * image.shape[0] / image.shape[1]))
    masks = {
        'ground truth': np.where(truth < len(classes), truth, ignore_index),
        'prediction': prediction,
    }
    tiles = [Tile('image', image)]
    for title, mask in masks.items():
        mask = resize_to(mask.astype(np.uint8), *size, smooth=False)
        painted = colorize(mask, palette, ignore_index)
        tiles.append(Tile(title, _hatch(painted, np.isin(mask, list(unseen))), smooth=False))
    swatches = [_swatch(color) if i in unseen else color for i, color in enumerate(palette)]
    legend = class_legend(masks.values(), _names(classes, unseen), swatches, ignore_index)
    if weights is not None:
        pseudo = np.isfinite(weights)
        title = 'pseudo labels: none'
        if pseudo.any():
            title = f'pseudo-label weights, mean {weights[pseudo].mean():.2f}'
        painted = keep_selected(heatmap(weights), pseudo)
        tiles.append(Tile(title, resize_to(painted, *size, smooth=False), smooth=False))
        legend.append(LegendEntry('has a label', UNSELECTED_COLOR))
        legend.append(scale_legend('weight of a pseudo label, 0 to 1'))
    return make_panel(tiles, legend, caption, tile_width)


def plot_features(
    real: Mapping[int, np.ndarray],
    generated: Mapping[int, np.ndarray],
    classes: Sequence[str],
    palette: Sequence[RGB] | np.ndarray,
    unseen: Collection[int],
    hits: Mapping[int, float],
    shares: Sequence[float],
    path: str | os.PathLike | None = None,
) -> bytes:
    """Draw real features as dots and generated ones as crosses: seen classes, and unseen ones.

    A line joins the means of both kinds of a class. The real features of the other classes are
    behind them in grey.

    Args:
        real (Mapping[int, np.ndarray]): Points in a plane, (n, 2), by class index.
        generated (Mapping[int, np.ndarray]): Likewise, of the same classes.
        classes (Sequence[str]): Class names.
        palette (Sequence[RGB] | np.ndarray): One colour per class.
        unseen (Collection[int]): Indices of the unseen classes.
        hits (Mapping[int, float]): By class index, the share of the generated features that are
            nearest to the real mean of their own class, in [0, 1].
        shares (Sequence[float]): Of the variance along each axis of the plane, in [0, 1].
        path (str | os.PathLike, optional): Where to write the PNG file.

    Returns:
        bytes: The PNG file.
    """
    colors = np.asarray(palette) / 255
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    figure = Figure(figsize=(11, 4.6), dpi=100, layout='constrained')
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    for axis, title, is_shown in zip(
        axes, ('seen classes', 'unseen classes'), (False, True), strict=True
    ):
        for label in real:
            if (label in unseen) != is_shown:
                axis.scatter(*real[label].T, s=6, color='#e0e0e0', lw=0)
        shown = [label for label in real if (label in unseen) == is_shown]
        for label in shown:
            axis.scatter(*real[label].T, s=9, color=colors[label], alpha=0.5, lw=0)
            axis.scatter(
                *generated[label].T, s=12, color=colors[label], alpha=0.5, lw=0.8, marker='x'
            )
        for label in shown:
            _join_means(axis, real[label], generated[label], colors[label])
        axis.set_title(title, fontsize=10)
        axis.set_xlabel(f'first component ({100 * shares[0]:.0f} % of the variance)', fontsize=9)
        style_axes(axis)
        axis.set_axisbelow(True)
    axes[0].set_ylabel(f'second component ({100 * shares[1]:.0f} %)', fontsize=9)
    names = _names(classes, unseen)
    kinds = (('real', 'o', 3), ('generated', 'x', 4), ('means of both', 'X', 7))
    handles = [
        Line2D([], [], color='#666666', ls='', marker=marker, ms=size, label=kind)
        for kind, marker, size in kinds
    ] + [
        Line2D([], [], color=colors[label], ls='', marker='s',
               label=f'{names[label]}: {100 * hits[label]:.0f} %')
        for label in sorted(real)
    ]  # fmt: skip
    figure.legend(
        handles=handles, loc='outside right upper', fontsize=8, frameon=False,
        title='%: generated features that are\nnearest to the real mean of their class',
        title_fontsize=8,
    )  # fmt: skip
    return encode_figure(figure, path)


def _names(classes: Sequence[str], unseen: Collection[int]) -> list[str]:
    return [f'{name} (unseen)' if i in unseen else name for i, name in enumerate(classes)]


def _hatch(painted: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Stripes over a region, (H, W), black on bright colours and white on dark ones."""
    rows, columns = np.indices(where.shape)
    stripes = where & ((rows + columns) % PERIOD < STRIPE)
    bright = painted @ (0.299, 0.587, 0.114) > 128
    return np.where(stripes[..., None], np.where(bright, 0, 255)[..., None], painted).astype(
        np.uint8
    )


def _swatch(color: RGB) -> np.ndarray:
    width, height = SWATCH
    painted = np.full((height, width, 3), color, np.uint8)
    return _hatch(painted, np.ones((height, width), bool))


def _join_means(axis: Axes, real: np.ndarray, generated: np.ndarray, color: np.ndarray) -> None:
    ends = np.stack([real.mean(axis=0), generated.mean(axis=0)])
    axis.plot(*ends.T, color='black', lw=1)
    for end, marker in zip(ends, 'oX', strict=True):
        axis.plot(*end, color=color, marker=marker, ms=8, mec='black', mew=0.8)

"""Pictures of weak supervision: from the CAMs of images to their pseudo masks."""

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ..core.errors import UserError
from ..core.labels import IGNORE
from .colors import IGNORE_COLOR, RGB, colorize, overlay
from .curves import RUN_COLORS
from .output import encode_figure, style_axes
from .panels import LegendEntry, Tile, class_legend, make_grid, make_panel

# How much of the photo a class colour covers: in a mask, and where a map is strongest.
COVERAGE = 0.75
# Of the scale in the legend: stands for any photo, and for any class.
PALE, SCALE_COLOR = np.float32([215, 215, 215]), np.float32([64, 64, 64])


class CAMRow(NamedTuple):
    """One row of :func:`make_cam_panel`.

    Attributes:
        caption (str): Line above the row, such as the image's name.
        image (np.ndarray): Photo, RGB uint8, shape (H, W, 3).
        cams (np.ndarray): One map per present class, in [0, 1], shape (k, H, W); k may be 0.
        cam_classes (Sequence[int]): Class indices of the maps.
        refined (np.ndarray, optional): The maps after the random walk, shape (k, H, W).
        prediction (np.ndarray, optional): Pseudo mask, class indices, shape (H, W).
        label (np.ndarray, optional): Ground truth, class indices, shape (H, W). Labels without a
            class are drawn as ignored.
    """

    caption: str
    image: np.ndarray
    cams: np.ndarray
    cam_classes: Sequence[int]
    refined: np.ndarray | None = None
    prediction: np.ndarray | None = None
    label: np.ndarray | None = None


def make_cam_panel(
    rows: Sequence[CAMRow],
    classes: Sequence[str],
    palette: Sequence[RGB] | np.ndarray,
    ignore_index: int = IGNORE,
    tile_width: int = 240,
) -> np.ndarray:
    """Compose rows of image | CAM | refined | pseudo mask | ground truth over one legend.

    Columns without data are left out. A map shows two things at once: the colour is that of the
    strongest class, and covers a pale photo the more, the stronger the class is. The title says
    which score covers it most, the highest of the image, because a random walk spreads scores and
    thereby lowers them.

    Args:
        rows (Sequence[CAMRow]): From top to bottom.
        classes (Sequence[str]): Class names.
        palette (Sequence[RGB] | np.ndarray): One colour per class.
        ignore_index (int): Label of pixels without a class.
        tile_width (int): Width of a column in pixels.

    Returns:
        np.ndarray: RGB image, uint8.

    Raises:
        ValueError: If the maps of a row do not fit its classes and its image.
    """
    colors = np.asarray(palette, np.uint8)
    panels, shown = [], []
    for row in rows:
        tiles = [Tile('image', row.image), _map_tile('CAM', row, row.cams, colors)]
        if row.refined is not None:
            tiles.append(_map_tile('refined', row, row.refined, colors))
        masks = {'pseudo mask': row.prediction}
        if row.label is not None:
            masks['ground truth'] = np.where(row.label < len(classes), row.label, ignore_index)
        for title, mask in masks.items():
            if mask is not None:
                painted = overlay(row.image, colorize(mask, colors, ignore_index), COVERAGE)
                painted[mask == ignore_index] = IGNORE_COLOR
                tiles.append(Tile(title, painted, smooth=False))
                shown.append(mask)
        shown.append(np.asarray(row.cam_classes, int))
        tags = ', '.join(classes[index] for index in row.cam_classes) or 'no class'
        legend = []
        if row is rows[-1]:
            scale = _tint(PALE, SCALE_COLOR, np.linspace(0, 1, 64)[None])
            legend = class_legend(shown, classes, palette, ignore_index)
            legend.append(LegendEntry('score, 0 to the highest', scale))
        panels.append(make_panel(tiles, legend, f'{row.caption}: {tags}', tile_width))
    return make_grid(panels)


def plot_thresholds(
    thresholds: Sequence[float],
    values: Sequence[float],
    path: str | os.PathLike | None = None,
    marks: Mapping[str, float] | None = None,
) -> bytes:
    """Draw the mIoU of CAMs over the background threshold, and its best value.

    Args:
        thresholds (Sequence[float]): In ascending order.
        values (Sequence[float]): mIoU in percent at each threshold.
        path (str | os.PathLike, optional): Where to write the PNG file.
        marks (Mapping[str, float], optional): Further thresholds to mark, by label, such as the
            one that a power alpha of the background score amounts to.

    Returns:
        bytes: The PNG file.

    Raises:
        ValueError: If there is not one value for each threshold, or none at all.
    """
    if len(thresholds) != len(values) or not len(values):
        raise UserError(f'cannot draw {len(values)} values at {len(thresholds)} thresholds')
    best = int(np.argmax(values))
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), dpi=100, layout='constrained')
    axis = figure.subplots()
    marker = 'o' if len(thresholds) <= 30 else ''
    axis.plot(thresholds, values, color='#444444', marker=marker, ms=3, lw=1.5)
    marked = {'best': thresholds[best]} | dict(marks or {})
    for index, (label, threshold) in enumerate(marked.items()):
        value, color = np.interp(threshold, thresholds, values), RUN_COLORS[index % len(RUN_COLORS)]
        axis.axvline(threshold, color=color, ls='--', lw=1)
        label = f'{label}: {value:.1f} at {threshold:.3g}'
        axis.plot([threshold], [value], color=color, marker='o', ms=8, ls='', label=label)
    axis.set_xlabel('background threshold of the CAM', fontsize=9)
    axis.set_ylabel('mIoU (%)', fontsize=9)
    style_axes(axis)
    axis.legend(fontsize=9, frameon=False)
    return encode_figure(figure, path)


def _map_tile(title: str, row: CAMRow, maps: np.ndarray, colors: np.ndarray) -> Tile:
    """The strongest class of each pixel over the photo."""
    if maps.shape != (len(row.cam_classes), *row.image.shape[:2]):
        raise UserError(
            f'{row.caption}: {title} has maps of shape {maps.shape}, but there are '
            f'{len(row.cam_classes)} classes and the image is {row.image.shape[:2]}'
        )
    grey = cv2.cvtColor(row.image, cv2.COLOR_RGB2GRAY)[..., None]
    pale = 255 - (255 - np.repeat(grey, 3, axis=2).astype(np.float32)) / 2
    highest = float(maps.max(initial=0))
    if highest <= 0:
        return Tile(f'{title}: 0', np.rint(pale).astype(np.uint8))
    strongest = colors[np.asarray(row.cam_classes)][maps.argmax(axis=0)]
    painted = _tint(pale, strongest, maps.max(axis=0) / highest)
    return Tile(f'{title}: up to {highest:.2f}', painted)


def _tint(pale: np.ndarray, colors: np.ndarray, strength: np.ndarray) -> np.ndarray:
    cover = COVERAGE * strength[..., None]
    return np.rint((1 - cover) * pale + cover * colors).astype(np.uint8)

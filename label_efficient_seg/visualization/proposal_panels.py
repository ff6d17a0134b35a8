"""Pictures of proposals: how many objects they find, and where they lie."""

import os
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import torch
from torchvision.ops import box_iou

from ..core.errors import UserError
from .colors import RGB, heatmap
from .curves import RUN_COLORS
from .output import encode_figure, style_axes
from .panels import LegendEntry, Tile, make_panel, resize_to

FOUND, MISSED, PROPOSAL = (0, 158, 115), (213, 94, 0), (86, 180, 233)


def make_proposal_panel(
    image: np.ndarray,
    boxes: np.ndarray,
    objects: np.ndarray | None = None,
    *,
    shown: int = 10,
    num: int = 50,
    min_iou: float = 0.5,
    caption: str = '',
    tile_width: int = 320,
) -> np.ndarray:
    """Compose image | best few boxes | best boxes | objects, found or missed.

    Args:
        image (np.ndarray): Photo, RGB uint8, shape (H, W, 3).
        boxes (np.ndarray): Proposals, the best one first, in pixels of the photo, shape (P, 4).
        objects (np.ndarray, optional): Boxes of the objects, shape (K, 4).
        shown (int): Number of boxes in the second tile.
        num (int): Number of boxes in the third tile, among which the objects are looked for.
        min_iou (float): Overlap with a proposal by which an object counts as found.
        caption (str): Line above the panel.
        tile_width (int): Width of a column in pixels.

    Returns:
        np.ndarray: RGB image, uint8.
    """
    scale = tile_width / image.shape[1]
    photo = resize_to(image, tile_width, max(1, round(image.shape[0] * scale)))
    shades = heatmap(np.linspace(1, 0.15, num)[None])[0].tolist()
    tiles = [Tile('image', photo)]
    for count in (shown, num):
        best = boxes[:count]
        # The best one on top.
        painted = _draw(photo, best[::-1] * scale, shades[: len(best)][::-1])
        tiles.append(Tile(f'best {len(best)} boxes', painted))
    legend = [LegendEntry('rank of a box, last to first', heatmap(np.linspace(0.15, 1, 64)[None]))]
    if objects is not None:
        pairs = (torch.as_tensor(x, dtype=torch.float64) for x in (objects, boxes[:num]))
        overlaps = box_iou(*pairs).numpy()
        found = overlaps.max(axis=1, initial=0) >= min_iou
        nearest = overlaps[found].argmax(axis=1) if found.any() else []
        painted = _draw(photo, boxes[:num][nearest] * scale, [PROPOSAL] * len(nearest))
        colors = [FOUND if flag else MISSED for flag in found]
        painted = _draw(painted, objects * scale, colors)
        tiles.append(Tile(f'{found.sum()} of {len(found)} objects, IoU {min_iou:g}', painted))
        names = {'object, found': FOUND, 'missed': MISSED, 'its proposal': PROPOSAL}
        legend += [LegendEntry(name, color) for name, color in names.items()]
    return make_panel(tiles, legend, caption, tile_width)


def plot_recall(
    lines: Mapping[str, Mapping[int, float]], path: str | os.PathLike | None = None
) -> bytes:
    """Draw the recall of objects over the number of proposals.

    Args:
        lines (Mapping[str, Mapping[int, float]]): Recall in percent by the number of proposals,
            by label.
        path (str | os.PathLike, optional): Where to write the PNG file.

    Returns:
        bytes: The PNG file.

    Raises:
        ValueError: If there is nothing to draw.
    """
    if not lines or not all(lines.values()):
        raise UserError('a plot of the recall needs at least one value for each line')
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), dpi=100, layout='constrained')
    axis = figure.subplots()
    for index, (label, values) in enumerate(lines.items()):
        color = RUN_COLORS[index % len(RUN_COLORS)]
        axis.plot(list(values), list(values.values()), color=color, marker='o', ms=4, label=label)
    counts = sorted({count for values in lines.values() for count in values})
    axis.set_xscale('log')
    axis.set_xticks(counts, [str(count) for count in counts])
    axis.minorticks_off()
    axis.set_ylim(0, 102)
    axis.set_xlabel('best proposals of an image', fontsize=9)
    axis.set_ylabel('objects found (%)', fontsize=9)
    style_axes(axis)
    axis.legend(fontsize=9, frameon=False, loc='lower right')
    return encode_figure(figure, path)


def _draw(photo: np.ndarray, boxes: np.ndarray, colors: Sequence[RGB]) -> np.ndarray:
    """Outlines of boxes over a photo; later ones lie on top."""
    painted = photo.copy()
    for (x1, y1, x2, y2), color in zip(np.rint(boxes).astype(int).tolist(), colors, strict=True):
        # The right and bottom edges are exclusive.
        cv2.rectangle(painted, (x1, y1), (x2 - 1, y2 - 1), tuple(color), 2)
    return painted

"""Encode pictures and write them."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ..core.atomic import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def encode_png(image: np.ndarray) -> bytes:
    """Encode an RGB image, shape (H, W, 3), uint8, as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, 'PNG')
    return buffer.getvalue()


def save_image(image: np.ndarray, path: str | os.PathLike) -> Path:
    """Write an RGB image, shape (H, W, 3), uint8, as a PNG file, atomically.

    Args:
        image (np.ndarray): RGB image, shape (H, W, 3), uint8.
        path (str | os.PathLike): Target file.

    Returns:
        Path: The target file.
    """
    return write_atomically(path, encode_png(image))


def encode_figure(figure: Figure, path: str | os.PathLike | None = None) -> bytes:
    """Encode a plot as PNG, and write it if there is a path.

    Args:
        figure (Figure): The plot.
        path (str | os.PathLike, optional): Target file, written atomically.

    Returns:
        bytes: The PNG file.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png')
    if path is not None:
        write_atomically(path, buffer.getvalue())
    return buffer.getvalue()


def style_axes(axes: Axes) -> None:
    """Small ticks, a pale grid and no frame, the same in all plots."""
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)
    axes.spines[['top', 'right']].set_visible(False)

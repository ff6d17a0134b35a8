"""Encode images and write them."""

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

from ..core.atomic import write_atomically


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

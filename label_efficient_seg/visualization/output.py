"""Encode images and write files so that a reader never meets half a file."""

import io
import os
import uuid
from pathlib import Path

import numpy as np
from PIL import Image


def write_atomically(path: str | os.PathLike, data: bytes | str) -> Path:
    """Write a file through a temporary name in the same folder and rename it.

    Args:
        path (str | os.PathLike): Target file. Missing folders are created.
        data (bytes | str): Content; text is written as UTF-8.

    Returns:
        Path: The target file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(data, str):
        data = data.encode('utf-8')
    # A name of its own per call: several processes may write the same image (padded samplers).
    temporary = path.with_name(f'.{path.name}.{uuid.uuid4().hex[:12]}.tmp')
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path


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

"""Predictions as the masks of a dataset."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from ...core.atomic import write_atomically
from ...core.labels import IGNORE
from .masks import label_lookup

NEUTRAL_COLOR = (255, 255, 255)


def write_label(
    path: Path, prediction: np.ndarray, size: tuple[int, int], metainfo: Mapping[str, Any]
) -> None:
    """Write a prediction as a palette PNG that a dataset reads as its mask.

    Args:
        path (Path): The file.
        prediction (np.ndarray): Class indices, uint8, shape (H, W); 255 for neutral pixels.
        size (tuple[int, int]): Height and width of the mask; labels are those of the nearest
            pixel.
        metainfo (Mapping[str, Any]): Of the dataset. Where it maps the values in mask files to
            other indices, the file has such values.
    """
    lookup = label_lookup(metainfo.get('reduce_zero_label', False), metainfo.get('label_map'))
    values = np.full(256, IGNORE, np.uint8)
    for index in range(len(metainfo['classes'])):
        values[index] = np.flatnonzero(lookup == index)[0]
    palette = np.zeros((256, 3), np.uint8)
    palette[IGNORE] = NEUTRAL_COLOR
    palette[values[: len(metainfo['classes'])]] = metainfo['palette']
    # Samples at pixel centres; INTER_NEAREST shifts by half a pixel.
    mask = cv2.resize(values[prediction], size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    image = Image.fromarray(mask)
    image.putpalette(palette.tobytes())
    file = io.BytesIO()
    image.save(file, 'PNG')
    write_atomically(path, file.getvalue())

"""CVAT's *Segmentation mask 1.1*: coloured masks, and a list of the colours."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ...core.atomic import write_atomically
from ...core.errors import UserError
from ...core.labels import IGNORE
from ...datasets.files.images import read_image
from .classes import class_index

if TYPE_CHECKING:
    from .exchange import Masks

UNLABELED = 'background'
"""What CVAT calls pixels without a region; black."""


def write(masks: 'Masks', out: Path, prefix: str = '') -> None:
    """Write the folder, to be zipped and uploaded."""
    lines, table = ['# label:color_rgb:parts:actions'], np.zeros((256, 3), np.uint8)
    for index, (name, color) in enumerate(zip(masks.classes, masks.colors, strict=True)):
        if index in masks.skipped:
            continue
        if max(color) == 0 and name != UNLABELED:
            color = [1, 1, 1]  # black is what has no region
        table[index] = color
        lines.append(f'{name}:{",".join(map(str, color))}::')
    if not any(line.startswith(f'{UNLABELED}:') for line in lines):
        lines.insert(1, f'{UNLABELED}:0,0,0::')
    for name, mask in masks:
        file = BytesIO()
        Image.fromarray(table[mask]).save(file, 'PNG')
        write_atomically(out / 'SegmentationClass' / f'{name}.png', file.getvalue())
    write_atomically(out / 'labelmap.txt', '\n'.join(lines) + '\n')
    listed = '\n'.join(masks.files) + '\n'
    write_atomically(out / 'ImageSets' / 'Segmentation' / 'default.txt', listed)


def read(
    source: Path, classes: Sequence[str] | None, prefix: str = ''
) -> tuple[Sequence[str], Iterator[tuple[str, np.ndarray]]]:
    """Classes, and names and masks of the images."""
    labels = source / 'labelmap.txt'
    if not labels.is_file():
        raise UserError(f"'{source}' has no labelmap.txt; give the unzipped folder of the export")
    colors = {}
    for line in labels.read_text('utf-8').splitlines():
        if line.strip() and not line.startswith('#'):
            name, color = line.split(':')[:2]
            colors[name] = tuple(map(int, color.split(',')))
    names = classes or [name for name in colors if name != UNLABELED]
    indices = {
        color: IGNORE if name == UNLABELED and name not in names else class_index(name, names)
        for name, color in colors.items()
    }
    return names, _masks(source / 'SegmentationClass', indices)


def _masks(folder: Path, indices: dict[tuple, int]) -> Iterator[tuple[str, np.ndarray]]:
    for path in sorted(folder.rglob('*.png')):
        colors = read_image(path, f"mask '{path}'", channel_order='rgb').astype(np.int64)
        values = (colors << [16, 8, 0]).sum(-1)
        mask = np.full(values.shape, IGNORE, np.uint8)
        unknown = np.ones(values.shape, bool)
        for (red, green, blue), index in indices.items():
            found = values == (red << 16 | green << 8 | blue)
            mask[found], unknown[found] = index, False
        if unknown.any():
            color = colors[unknown][0].tolist()
            raise UserError(f"mask '{path}' has the colour {color}, which labelmap.txt lacks")
        yield path.relative_to(folder).with_suffix('').as_posix(), mask

"""The toy dataset on disk: PASCAL VOC layout in a cache folder."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
import time
import zlib
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from ...core.cache import CACHE_VARIABLE, cache_folder
from ...core.errors import FileError, UserError
from ...core.labels import IGNORE
from .spec import ATTRIBUTE_NAMES, ATTRIBUTES, CLASSES, PALETTE, SPLITS, STYLES, ToySpec
from .style import difficulty, render

#: Labeled fractions of the training images that have a pair of lists.
FRACTIONS = (Fraction(1, 8), Fraction(1, 4), Fraction(1, 2))


def toy_root(
    style: str = 'source', cache_dir: str | None = None, spec: ToySpec | None = None
) -> str:
    """Folder of one style of the toy dataset; written first where it is missing.

    Args:
        style (str): 'source' or 'target'. Defaults to 'source'.
        cache_dir (str, optional): As for ``write_toy``.
        spec (ToySpec, optional): As for ``write_toy``.

    Returns:
        str: A folder in PASCAL VOC layout with ``JPEGImages``, ``SegmentationClass``,
        ``SegmentationObject``, ``ImageSets/Segmentation`` and ``image_labels.csv``.

    Raises:
        ValueError: If the style is unknown.
    """
    if style not in STYLES:
        raise UserError(f'unknown toy style {style!r}; choose one of {", ".join(STYLES)}')
    return os.path.join(write_toy(cache_dir, spec), style)


def write_toy(cache_dir: str | None = None, spec: ToySpec | None = None) -> str:
    """Write both styles of the toy dataset, unless they are in the cache already.

    The folder's name holds ``ToySpec.digest``, so other parameters or another version of the
    generator never meet old files. The folder appears complete or not at all: it is written
    under a temporary name and renamed. Processes that start together each write one; the first
    to finish wins. What killed processes left behind is removed after a day.

    Args:
        cache_dir (str, optional): Parent folder. Defaults to the environment variable
            ``LABEL_EFFICIENT_SEG_CACHE``, and without it to ``~/.cache/label_efficient_seg``.
        spec (ToySpec, optional): Parameters. Defaults to ``ToySpec()``.

    Returns:
        str: The folder ``<cache_dir>/toy-<digest>`` with ``source``, ``target`` and
        ``attributes.csv``.

    Raises:
        OSError: If the cache folder cannot be written.
    """
    spec = spec or ToySpec()
    cache = cache_folder(cache_dir)
    root = cache / f'toy-{spec.digest()}'
    if root.is_dir():
        return str(root)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(cache)
        temporary = Path(tempfile.mkdtemp(prefix=f'.{root.name}-', dir=cache))
    except OSError as error:
        raise FileError(
            f'cannot write the toy dataset below {cache} ({error}); set {CACHE_VARIABLE} to a '
            'folder that can be written'
        ) from error
    try:
        temporary.chmod(0o755)  # mkdtemp makes it private; a cache may be shared.
        _write_attributes(temporary / 'attributes.csv')
        for style in STYLES:
            _write_style(temporary / style, style, spec)
        try:
            temporary.rename(root)
        except OSError:
            if not root.is_dir():  # Otherwise another process was first, with the same bytes.
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return str(root)


def stratified_order(presence: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Order images so that every prefix shows the classes about as often as the whole set.

    Greedy: each next image is the one that brings the prefix's class counts closest, in squared
    distance, to their share of the whole; equally good ones come in random order.

    Args:
        presence (np.ndarray): bool, shape (N, C), whether image n shows class c.
        rng (np.random.Generator): Source of the random order.

    Returns:
        np.ndarray: int, shape (N,), a permutation.
    """
    shuffled = rng.permutation(len(presence))
    rows = presence[shuffled].astype(np.float64)
    share = rows.mean(axis=0)
    count = np.zeros_like(share)
    left = np.ones(len(rows), bool)
    order = []
    for step in range(1, len(rows) + 1):
        distance = ((count + rows - step * share) ** 2).sum(axis=1)
        chosen = int(np.argmin(np.where(left, distance, np.inf)))
        left[chosen] = False
        count += rows[chosen]
        order.append(shuffled[chosen])
    return np.array(order)


def _remove_leftovers(cache: Path) -> None:
    """Remove unfinished folders whose writer must be dead: writing takes seconds, not a day."""
    for folder in cache.glob('.toy-*'):
        with suppress(FileNotFoundError):  # Another process may have removed it by now.
            if time.time() - folder.stat().st_mtime > 24 * 60 * 60:
                shutil.rmtree(folder, ignore_errors=True)


def _write_attributes(path: Path) -> None:
    rows = [[name, *values.astype(int)] for name, values in zip(CLASSES, ATTRIBUTES, strict=True)]
    _write_csv(path, ['class', *ATTRIBUTE_NAMES], rows)


def _write_style(root: Path, style: str, spec: ToySpec) -> None:
    for folder in ('JPEGImages', 'SegmentationClass', 'SegmentationObject'):
        (root / folder).mkdir(parents=True)
    labels_rows, difficulty_rows = [], []
    for split in SPLITS:
        names = [f'{split}_{index:04d}' for index in range(spec.num_images(style, split))]
        presence = np.zeros((len(names), len(CLASSES)), bool)
        for index, name in enumerate(names):
            scene = render(spec, style, split, index)
            _save_png(root / 'JPEGImages' / f'{name}.png', scene.image)
            _save_png(root / 'SegmentationClass' / f'{name}.png', scene.labels, palette=True)
            _save_png(root / 'SegmentationObject' / f'{name}.png', scene.instances, palette=True)
            visible = np.unique(scene.labels[scene.labels != IGNORE])
            presence[index, visible] = True
            objects = [CLASSES[label] for label in visible if label > 0]
            labels_rows.append([name, ' '.join(objects)])
            difficulty_rows.append([name, f'{difficulty(index):.4f}'])
        _write_lists(root / 'ImageSets' / 'Segmentation', split, names, presence, spec)
    _write_csv(root / 'image_labels.csv', ['image', 'classes'], labels_rows)
    if style == 'target':
        _write_csv(root / 'difficulty.csv', ['image', 'difficulty'], difficulty_rows)


def _write_lists(
    folder: Path, split: str, names: list[str], presence: np.ndarray, spec: ToySpec
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _write_list(folder / f'{split}.txt', names)
    if split != 'train':
        return
    order = stratified_order(presence, np.random.default_rng(spec.seed))
    for fraction in FRACTIONS:
        count = max(1, int(len(names) * fraction))
        prefix = f'train_{fraction.numerator}_{fraction.denominator}'
        for part, indices in (('labeled', order[:count]), ('unlabeled', order[count:])):
            _write_list(folder / f'{prefix}_{part}.txt', [names[i] for i in sorted(indices)])


def _save_png(path: Path, array: np.ndarray, palette: bool = False) -> None:
    image = Image.fromarray(array)
    if palette:
        colors = np.zeros((256, 3), np.uint8)
        colors[: len(PALETTE)] = PALETTE
        colors[IGNORE] = (224, 224, 192)
        image.putpalette(colors.tobytes())
    # Run lengths are fast, and on noisy images no larger than searching for matches.
    image.save(path, compress_level=1, compress_type=zlib.Z_RLE)


def _write_list(path: Path, names: list[str]) -> None:
    path.write_text(''.join(f'{name}\n' for name in names), encoding='utf-8')


def _write_csv(path: Path, header: list[str], rows: list[list]) -> None:
    with path.open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(header)
        writer.writerows(rows)

"""Dividing a list of images into a labeled and an unlabeled part."""

import json
import logging
import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from ...core.atomic import write_atomically
from ...core.digests import file_digest
from ...core.errors import ExistingFileError, MissingFileError, UserError
from ...core.file_walk import find_missing, map_files
from ...core.labels import IGNORE
from .masks import (
    VOID_HINT,
    MaskError,
    describe_stray,
    label_lookup,
    read_index_mask,
    stray_values,
)
from .splits import read_split, write_split
from .stratification import random_selection, stratified_selection

FILES = ('labeled.txt', 'unlabeled.txt', 'split.json')


def make_split(
    image_list: str | os.PathLike,
    out: str | os.PathLike,
    *,
    fraction: Fraction | float | None = None,
    count: int | None = None,
    seed: int = 0,
    masks: str | os.PathLike | None = None,
    mask_suffix: str = '.png',
    classes: Sequence[int] | None = None,
    ignore_index: int = IGNORE,
    workers: int | None = None,
    force: bool = False,
) -> dict:
    """Choose the labeled part of a list and write it with its complement and a summary.

    Equal arguments give equal files on every machine.

    Args:
        image_list (str | os.PathLike): Split list of all training images.
        out (str | os.PathLike): Folder for ``labeled.txt``, ``unlabeled.txt``, ``split.json``.
        fraction (Fraction | float, optional): Labeled share in (0, 1).
        count (int, optional): Number of labeled images instead.
        seed (int): Seed of the choice.
        masks (str | os.PathLike, optional): Folder of the masks, to stratify by class; without
            it the choice is purely random.
        mask_suffix (str): What follows the id in the name of a mask.
        classes (Sequence[int], optional): Mask values to stratify by. Default: all that occur.
        ignore_index (int): Mask value that is no class.
        workers (int, optional): Threads that read masks.
        force (bool): Whether to overwrite a split.

    Returns:
        dict: What ``split.json`` holds: seed, numbers, checksums, images per class.

    Raises:
        FileExistsError: If the folder holds a split and ``force`` is not set.
        FileNotFoundError: If the list or a mask does not exist.
        ValueError: If the number of labeled images is not in 1..N-1, a mask cannot be read, or
            all masks are void.
    """
    out = Path(out)
    existing = [name for name in FILES if (out / name).exists()]
    if existing and not force:
        raise ExistingFileError(
            f"'{out}' already holds {', '.join(existing)}; use --force to overwrite them"
        )
    ids = read_split(image_list)
    size = _labeled_size(len(ids), fraction, count)
    if masks is None:
        values, presence = [], None
        chosen = random_selection(len(ids), size, seed)
    else:
        values, presence = read_presence(ids, masks, mask_suffix, classes, ignore_index, workers)
        chosen = stratified_selection(presence, size, seed)
    labeled = set(chosen.tolist())
    write_split(out / 'labeled.txt', [name for i, name in enumerate(ids) if i in labeled])
    write_split(out / 'unlabeled.txt', [name for i, name in enumerate(ids) if i not in labeled])
    summary = dict(
        population=dict(images=len(ids), sha256=file_digest(image_list)),
        labeled=dict(images=size, sha256=file_digest(out / 'labeled.txt')),
        unlabeled=dict(images=len(ids) - size),
        fraction=size / len(ids),
        seed=seed,
        stratified=masks is not None,
        images_per_class={
            str(value): dict(population=int(column.sum()), labeled=int(column[chosen].sum()))
            for value, column in zip(values, [] if presence is None else presence.T, strict=True)
        },
    )
    write_atomically(out / 'split.json', json.dumps(summary, indent=2) + '\n')
    return summary


def _labeled_size(population: int, fraction: Fraction | float | None, count: int | None) -> int:
    if (fraction is None) == (count is None):
        raise UserError('give either a fraction or a count of labeled images')
    size = count or 0 if fraction is None else round(population * Fraction(fraction))
    if not 0 < size < population:
        raise UserError(
            f'{size} labeled of {population} images leave one part empty; choose a fraction or '
            f'count that gives 1 to {population - 1}'
        )
    return size


def read_presence(
    ids: Sequence[str],
    masks: str | os.PathLike,
    mask_suffix: str = '.png',
    classes: Sequence[int] | None = None,
    ignore_index: int = IGNORE,
    workers: int | None = None,
) -> tuple[list[int], np.ndarray]:
    """Read from the masks which classes occur in which image.

    Args:
        ids (Sequence[str]): Images.
        masks (str | os.PathLike): Folder of the masks.
        mask_suffix (str): What follows the id in the name of a mask.
        classes (Sequence[int], optional): Mask values to look for. Default: all that occur.
        ignore_index (int): Mask value that is no class.
        workers (int, optional): Threads.

    Returns:
        tuple[list[int], np.ndarray]: Mask values, and bool of shape (images, values).

    Raises:
        FileNotFoundError: If masks are missing.
        ValueError: If masks cannot be read, or all are void.
    """
    names = [name + mask_suffix for name in ids]
    missing = find_missing(str(masks), names)
    if missing:
        raise MissingFileError(
            f'{len(missing)} of {len(ids)} masks do not exist, the first is '
            f"'{Path(masks) / missing[0]}'; check the folder and the suffix of masks"
        )
    paths = [Path(masks) / name for name in names]
    results = list(map_files(_mask_values, paths, 'masks', workers))
    faults = [result for result in results if isinstance(result, str)]
    if faults:
        raise UserError(f'{len(faults)} of {len(ids)} masks cannot be used: {faults[0]}')
    presence = np.stack(results)
    _check_shown(np.flatnonzero(presence.any(0)).tolist(), len(ids), ignore_index)
    values = sorted(classes) if classes is not None else np.flatnonzero(presence.any(0)).tolist()
    values = [value for value in values if value != ignore_index]
    return values, presence[:, values]


def _check_shown(values: list[int], number: int, ignore_index: int) -> None:
    """Refuse masks that are all void, and warn of a single class."""
    if values == [ignore_index]:
        raise UserError(
            f'all pixels of the {number} masks are void ({ignore_index}), so they show no class to '
            'stratify by; leave out --masks for a random choice'
        )
    classes = [value for value in values if value != ignore_index]
    if len(classes) == 1:
        hint = VOID_HINT if [*classes, IGNORE] == values else ''
        text = f'the {number} masks show no class but {classes[0]}{hint}'
        print_log(text, 'current', logging.WARNING)


def _mask_values(path: Path) -> np.ndarray | str:
    """Which of the 256 values occur in a mask, bool of shape (256,), or what is wrong with it."""
    try:
        mask = read_index_mask(path)
        if stray := stray_values(mask, label_lookup(), None):
            raise MaskError(f"mask '{path}' has {describe_stray(stray, None)}")
    except (MaskError, OSError) as error:
        return str(error)
    return np.bincount(mask.ravel(), minlength=256) > 0


def check_split(folder: str | os.PathLike, image_list: str | os.PathLike) -> list[str]:
    """Compare a split with its summary and with the list it was made from.

    Args:
        folder (str | os.PathLike): What :func:`make_split` wrote. ``unlabeled.txt`` may be absent:
            it is the rest of the list.
        image_list (str | os.PathLike): Split list of all training images.

    Returns:
        list[str]: Faults; empty if there are none.
    """
    folder = Path(folder)
    for name in ('labeled.txt', 'split.json'):
        if not (folder / name).is_file():
            return [f"'{folder / name}' does not exist"]
    try:
        summary = json.loads((folder / 'split.json').read_text(encoding='utf-8'))
        made_from, made = summary['population']['sha256'], summary['labeled']['sha256']
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        return [f"'{folder / 'split.json'}' is damaged: {error!r}"]
    population = read_split(image_list, strict=False)
    labeled = read_split(folder / 'labeled.txt', strict=False)
    known = set(labeled)
    rest = [name for name in population if name not in known]
    faults = []
    if file_digest(image_list) != made_from:
        faults.append(f"'{image_list}' is not the list that the split was made from")
    if file_digest(folder / 'labeled.txt') != made:
        faults.append(f"'{folder / 'labeled.txt'}' was changed after it was made")
    unlabeled_file = folder / 'unlabeled.txt'
    if unlabeled_file.is_file() and read_split(unlabeled_file, strict=False) != rest:
        faults.append(f"'{unlabeled_file}' is not the rest of '{image_list}'")
    if len(rest) + len(labeled) != len(population):
        faults.append(f"the labeled images are not all in '{image_list}', or some are repeated")
    return faults

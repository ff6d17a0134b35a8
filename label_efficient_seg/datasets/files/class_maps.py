"""Maps of the classes that an image has, one compact file per image."""

import io
import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...core.arrays import open_arrays
from ...core.atomic import write_atomically
from ...core.errors import UserError


class ClassMaps(NamedTuple):
    """What :func:`read_class_maps` finds.

    Attributes:
        classes (np.ndarray): Indices of the classes that the image has, int64, shape (k,).
        maps (dict[str, np.ndarray]): Maps by their name, each float32, shape (k, H, W).
        run (str): What the maps were made by.
    """

    classes: np.ndarray
    maps: dict[str, np.ndarray]
    run: str


def write_class_maps(
    path: str | os.PathLike, classes: Sequence[int], *, run: str = '', **maps: np.ndarray
) -> None:
    """Write maps of the classes that an image has.

    Args:
        path (str | os.PathLike): The ``.npz`` file; parent folders are made. It is complete or
            absent, and equal maps give equal bytes.
        classes (Sequence[int]): Indices of the k classes, in the order of the maps; k may be 0.
        run (str): What the maps were made by, such as a digest of its settings.
        **maps (np.ndarray): One or more arrays (k, H, W) by name; kept in float16.

    Raises:
        ValueError: If a map does not have one channel per class.
    """
    classes = np.asarray(classes, np.int64).reshape(-1)
    for name, values in maps.items():
        if np.ndim(values) != 3 or len(values) != len(classes):
            raise UserError(
                f"the maps {name!r} for '{path}' have shape {np.shape(values)}, but there are "
                f'{len(classes)} classes; one map per class is needed'
            )
    file = io.BytesIO()
    halves = {f'map_{name}': np.asarray(values, np.float16) for name, values in maps.items()}
    np.savez_compressed(file, classes=classes, run=np.array(run), **halves)
    write_atomically(path, file.getvalue())


def read_class_maps(path: str | os.PathLike, run: str | None = None) -> ClassMaps:
    """Read what :func:`write_class_maps` wrote.

    Args:
        path (str | os.PathLike): The file.
        run (str, optional): What the maps must have been made by. Defaults to anything.

    Returns:
        ClassMaps: The classes and their maps.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is of another kind, is damaged, or comes from another run.
    """
    makers = 'les cams or les scores'
    with open_arrays(path, 'class maps', makers, ('classes', 'run')) as file:
        maps = {
            name.removeprefix('map_'): file[name].astype(np.float32, casting='same_kind')
            for name in file
            if name.startswith('map_')
        }
        # What has not the form of an array comes as bytes.
        found = ClassMaps(np.asarray(file['classes']), maps, str(file['run']))
    if problem := _problem(found):
        raise UserError(f"the class maps of '{path}' {problem}")
    if run is not None and found.run != run:
        raise UserError(
            f"class maps '{path}' come from another run ({found.run or 'unnamed'}, not {run}); "
            'make all files of a folder with one config and checkpoint'
        )
    return found


def _problem(found: ClassMaps) -> str:
    """What is wrong with class maps, or nothing."""
    classes = found.classes
    if classes.ndim != 1 or classes.dtype != np.int64 or (classes < 0).any():
        return f'have classes of shape {classes.shape} and type {classes.dtype}, not indices (k,)'
    if len(set(classes.tolist())) < len(classes):
        return f'have a class twice: {classes.tolist()}'
    for name, values in found.maps.items():
        if not np.isfinite(values).all():
            return f'have NaN or infinite values in {name!r}'
        if values.ndim != 3 or len(values) != len(classes):
            return f'have {len(classes)} classes, but maps {name!r} of shape {values.shape}'
    return ''

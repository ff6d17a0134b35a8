"""What all kinds of annotations share: the masks, the photos and the classes."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...core.errors import MissingFileError, UserError
from ...core.labels import IGNORE
from ...core.progress import track
from ...core.suggest import did_you_mean
from ...datasets.files.masks import read_index_mask
from ...datasets.files.photos import find_photos
from ...datasets.files.pseudo_masks import write_label
from ...visualization import default_palette
from . import coco, cvat, label_studio

FAULTS = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RuntimeError)
"""What reading a file of another form ends in."""

KINDS = {'coco': coco, 'label-studio': label_studio, 'cvat': cvat}


@dataclass(frozen=True)
class Masks:
    """Masks to be exported; iterates over names and masks, uint8 (H, W).

    Args:
        folder (Path): Of the PNG files.
        files (dict[str, str]): Names of the photos' files by the names of the masks.
        classes (tuple[str, ...]): By index.
        colors (list[list[int]]): RGB of the classes.
        skipped (frozenset[int]): Classes of which no region is written.
    """

    folder: Path
    files: dict[str, str]
    classes: tuple[str, ...]
    colors: list[list[int]]
    skipped: frozenset[int]

    def __iter__(self) -> Iterator[tuple[str, np.ndarray]]:
        for name in track(self.files, 'masks'):
            path = self.folder / f'{name}.png'
            mask = read_index_mask(path)
            known = np.append(np.arange(len(self.classes)), IGNORE)
            if stray := np.setdiff1d(mask, known).tolist():
                raise UserError(f"mask '{path}' has values that are no class: {stray[:8]}")
            yield name, mask.astype(np.uint8)

    def regions(self, mask: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Index and pixels, bool (H, W), of each class of a mask that is not skipped."""
        for index in np.unique(mask).tolist():
            if index != IGNORE and index not in self.skipped:
                yield index, mask == index


def export_masks(
    kind: str,
    masks: str | Path,
    photos: Sequence[str | Path],
    out: str | Path,
    *,
    classes: Sequence[str] | None = None,
    skip: Sequence[str] = (),
    prefix: str = '',
) -> int:
    """Write masks in the form of another tool.

    Args:
        kind (str): ``coco``, a JSON file with one region of run lengths per class and image;
            ``label-studio``, a JSON file of tasks with predictions, and beside it an ``.xml`` file
            with the labels; ``cvat``, a folder for *Segmentation mask 1.1*.
        masks (str | Path): Folder that ``les predict`` wrote, or folder of PNG files of class
            indices.
        photos (Sequence[str | Path]): The photos of the masks, as of :func:`find_photos`.
        out (str | Path): File or folder to write.
        classes (Sequence[str], optional): Names by index. Defaults to those of ``les predict``.
        skip (Sequence[str]): Classes of which no region is written, such as the background.
        prefix (str): What the tool needs before the names of photos, such as
            ``/data/local-files/?d=photos/`` for Label Studio.

    Returns:
        int: Number of masks.

    Raises:
        UserError: If there are no classes, a class is unknown, or a mask is missing or has other
            values.
    """
    folder, names, colors = _describe(Path(masks), classes)
    for name in skip:
        if name not in names:
            raise UserError(f'there is no class {name!r} to skip; {did_you_mean(name, names)}')
    root, found = find_photos(photos)
    missing = [name for name in found if not (folder / f'{name}.png').is_file()]
    if missing:
        raise MissingFileError(
            f"{len(missing)} of {len(found)} photos have no mask in '{folder}': "
            f'{", ".join(missing[:3])}'
        )
    files = {name: path.relative_to(root).as_posix() for name, path in found.items()}
    skipped = frozenset(names.index(name) for name in skip)
    KINDS[kind].write(Masks(folder, files, names, colors, skipped), Path(out), prefix)
    return len(files)


def _describe(
    folder: Path, classes: Sequence[str] | None
) -> tuple[Path, tuple[str, ...], list[list[int]]]:
    """Folder of the masks, names and colours of the classes."""
    summary = folder / 'predict.json'
    colors = []
    if classes is None:
        if not summary.is_file():
            raise UserError(
                f"'{folder}' is no folder that les predict wrote: name the classes, by index"
            )
        try:
            listed = json.loads(summary.read_text('utf-8'))['classes']
            classes = [entry['name'] for entry in listed]
            colors = [entry['color'] for entry in listed if 'color' in entry]
        except FAULTS as error:
            raise UserError(f"'{summary}' is damaged: {error!r:.200}; name the classes") from error
    if not 2 <= len(classes) <= IGNORE:
        raise UserError(f'{len(classes)} classes do not fit masks of 8 bits')
    if len(colors) != len(classes):
        colors = default_palette(len(classes)).tolist()
    return folder / 'masks' if summary.is_file() else folder, tuple(classes), colors


def import_masks(
    kind: str,
    source: str | Path,
    out: str | Path,
    *,
    classes: Sequence[str] | None = None,
    prefix: str = '',
) -> tuple[str, ...]:
    """Read masks of another tool into PNG files of class indices.

    Pixels without a region are 255. Where regions overlap, the last one holds.

    Args:
        kind (str): As of :func:`export_masks`.
        source (str | Path): JSON file, or folder of CVAT's export.
        out (str | Path): Folder to write to.
        classes (Sequence[str], optional): Names in the order of the indices. Defaults to the order
            in the source; Label Studio's files have none.
        prefix (str): As of :func:`export_masks`; it is no part of the names of masks.

    Returns:
        tuple[str, ...]: The classes.

    Raises:
        UserError: If the source is of another kind, or has a class that is not listed.
    """
    if not Path(source).exists():
        raise MissingFileError(f"'{source}' does not exist")
    try:
        names, found = KINDS[kind].read(Path(source), classes, prefix)
        if not 2 <= len(names) <= IGNORE:
            raise UserError(f'{len(names)} classes do not fit masks of 8 bits')
        meta = dict(classes=names, palette=default_palette(len(names)))
        for name, mask in found:
            write_label(_inside(Path(out), name), mask, mask.shape, meta)
    except UserError:
        raise
    except (*FAULTS, cv2.error) as error:
        raise UserError(f"'{source}' has not the form of {kind}: {error!r:.200}") from error
    return tuple(names)


def _inside(folder: Path, name: str) -> Path:
    """File of a mask, which no name may lead out of its folder."""
    parts = name.replace('\\', '/').split('/')
    if not name or '' in parts or '..' in parts or '\0' in name or ':' in parts[0]:
        raise UserError(
            f'the photo {name!r:.200} would have its mask outside the folder; give what stands '
            'before the names of photos as --prefix, or correct the name'
        )
    return folder / f'{name}.png'

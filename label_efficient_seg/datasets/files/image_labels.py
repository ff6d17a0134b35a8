"""Image-level labels (tags): from VOC annotations, tables and arrays, by name or one-hot."""

import csv
import json
import os
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from ...core.atomic import write_atomically
from ...core.errors import MissingFileError, UserError
from ...core.progress import track
from ...core.suggest import did_you_mean
from .splits import more, repeated_ids

KINDS = 'a folder of VOC annotations (.xml), a .csv or a .json file'


class TagVocabulary:
    """Names that tags may have.

    Where a dataset shows a choice of its classes, or classes that stand for several, tags may have
    the old names as well as the new ones, and old ones are mapped as the masks are: tags of
    classes that were not chosen are left out.

    Args:
        classes (Sequence[str]): Names of the classes; the first is the background.
        original (Sequence[str], optional): Names before the choice.
        label_map (Mapping[int, int], optional): From indices of the original names to those of
            the classes, as MMSeg's datasets have it.
    """

    def __init__(
        self,
        classes: Sequence[str],
        original: Sequence[str] | None = None,
        label_map: Mapping[int, int] | None = None,
    ) -> None:
        self.classes, self.original = tuple(classes), tuple(original or classes)
        label_map = label_map or {}
        self._label_of = {
            name: label_map.get(index, index) for index, name in enumerate(self.original)
        }
        self._label_of.update({name: index for index, name in enumerate(self.classes)})

    def labels(self, tags: Iterable[str], source: str) -> list[int]:
        """Class indices of tags.

        Args:
            tags (Iterable[str]): Names.
            source (str): How messages name the place they come from.

        Returns:
            list[int]: Sorted indices of the foreground classes among them, each once.

        Raises:
            ValueError: If a tag is no class; it names the nearest one.
        """
        labels = set()
        for tag in tags:
            if tag not in self._label_of:
                hint = did_you_mean(tag, self._label_of, f'there are {self._known()}')
                raise UserError(
                    f'{source} has the tag {tag!r}, which is no class of the dataset; {hint}'
                )
            labels.add(self._label_of[tag])
        return sorted(label for label in labels if 0 < label < len(self.classes))

    def split(self, cell: str) -> list[str]:
        """Names in a cell of a table: the whole of it, or what separators divide.

        Args:
            cell (str): Such as ``'cat; person'``, ``'cat person'`` or ``'potted plant'``.

        Returns:
            list[str]: The names; words of no class stay single.

        Raises:
            ValueError: If spaces divide it into classes in more than one way.
        """
        if cell.strip() in self._label_of:
            return [cell.strip()]
        for separator in ';,':
            if separator in cell:
                return [name.strip() for name in cell.split(separator) if name.strip()]
        words = cell.split()
        # ways[k]: the divisions of the first k words into classes, of which two are enough.
        ways: list[list[list[str]]] = [[[]]]
        for end in range(1, len(words) + 1):
            found = [
                [*way, name]
                for start in range(end)
                if (name := ' '.join(words[start:end])) in self._label_of
                for way in ways[start]
            ]
            ways.append(found[:2])
        if len(ways[-1]) > 1:
            one, two = ('; '.join(way) for way in ways[-1])
            raise UserError(f'the tags {cell!r} are {one!r} or {two!r}; write semicolons')
        return ways[-1][0] if ways[-1] else words

    def _known(self) -> str:
        return ', '.join(name for name, label in self._label_of.items() if label)


def read_image_labels(
    path: str | os.PathLike,
    ids: Sequence[str],
    vocabulary: TagVocabulary,
    *,
    difficult: bool = True,
    allow_empty: bool = False,
) -> list[list[int]]:
    """Tags of images from a file or folder.

    ========= ================================================================================
    folder    VOC annotations ``<id>.xml``; a tag is the ``name`` of an ``object``
    ``.csv``  columns ``image`` (id) and ``classes``: names between semicolons, commas or spaces
    ``.json`` ``{id: [name, ...]}``
    ========= ================================================================================

    Args:
        path (str | os.PathLike): The file or folder.
        ids (Sequence[str]): Ids of the images.
        vocabulary (TagVocabulary): What tags may be called.
        difficult (bool): Whether objects that VOC marks as difficult count.
        allow_empty (bool): Whether images may be without any tag.

    Returns:
        list[list[int]]: For each id the sorted indices of its foreground classes.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        ValueError: If it is of another kind, or an image is not in it, has no tag or an unknown
            one.
    """
    path = Path(path)
    if path.is_dir():
        tags = _read_annotations(path, ids, difficult)
    elif not path.is_file():
        raise MissingFileError(f"tags '{path}' do not exist; give {KINDS}")
    elif path.suffix == '.csv':
        tags = _read_csv(path, vocabulary)
    elif path.suffix == '.json':
        tags = _read_json(path)
    elif path.suffix == '.npy':
        raise UserError(
            f"'{path}' is a pickled file, and reading it could run code; if you trust its source, "
            'convert it once to .json with the lines in docs/affinitynet.md, "Your own tags"'
        )
    else:
        raise UserError(f"'{path}' holds no tags; give {KINDS}, or take them from 'masks'")
    if missing := [name for name in ids if name not in tags]:
        others = [name for name in tags if name not in set(ids)]
        seen = f" (it has others, such as '{others[0]}')" if others else ''
        raise UserError(
            f"'{path}' has no entry for image '{missing[0]}'{more(missing)}{seen}; ids are those "
            "of the split list, without suffix. Add it, or take the image off the dataset's list"
        )
    labels = [vocabulary.labels(tags[name], f"image '{name}' in '{path}'") for name in ids]
    empty = [name for name, found in zip(ids, labels, strict=True) if not found]
    if empty and not allow_empty:
        raise no_tags(empty, f"in '{path}'")
    return labels


def no_tags(images: Sequence[str], place: str) -> UserError:
    """The error about images without any tag.

    Args:
        images (Sequence[str]): Their names.
        place (str): Where the tags were looked for.
    """
    return UserError(
        f"image '{images[0]}'{more(images)} has no tag {place}: a classifier of tags learns "
        'that none of the classes is there. Take it off the list, or set allow_empty=True'
    )


def _read_annotations(folder: Path, ids: Sequence[str], difficult: bool) -> dict[str, list[str]]:
    """Names of the objects in those VOC annotations that exist."""
    paths = {name: folder / f'{name}.xml' for name in ids}
    paths = {name: path for name, path in paths.items() if path.is_file()}
    if not paths:
        raise UserError(
            f"folder '{folder}' has no annotation of these images, such as '{ids[0]}.xml'; to "
            "take tags from masks, set tags='masks'"
        )
    items = ((name, _parse_annotation(path, difficult)) for name, path in paths.items())
    return dict(track(items, 'annotations', len(paths)))


def _parse_annotation(path: Path, difficult: bool) -> list[str]:
    try:
        objects = ElementTree.parse(path).getroot().findall('object')
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the last two: encodings
        raise UserError(f"'{path}' is no VOC annotation: {error}") from error
    counted = [o for o in objects if difficult or o.findtext('difficult', '0').strip() != '1']
    return [o.findtext('name', '').strip() for o in counted]


def _read_csv(path: Path, vocabulary: TagVocabulary) -> dict[str, list[str]]:
    tags: dict[str, list[str]] = {}
    try:
        with open(path, newline='', encoding='utf-8-sig') as file:
            reader = csv.DictReader(file, skipinitialspace=True, strict=True)
            columns = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = columns
            rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"'{path}' is no table of tags: {error}") from error
    if not {'image', 'classes'} <= set(columns):
        listed = ', '.join(columns) or 'nothing'
        raise UserError(f"'{path}' needs the columns image and classes, but has {listed}")
    for row in rows:
        # Commas without quotes divide the classes into columns without a name.
        cells = [row['classes'], *row.pop(None, ())]  # type: ignore[call-overload]
        if None in (row['image'], *cells):
            found = ', '.join(str(cell) for cell in row.values() if cell is not None)
            raise UserError(f"'{path}' has the line {found!r}, which has too few columns")
        name = row['image'].strip()
        if name in tags:
            raise UserError(f"'{path}' lists image '{name}' twice; keep one line of it")
        tags[name] = [tag for cell in cells for tag in vocabulary.split(cell)]
    return tags


def _read_json(path: Path) -> dict[str, list[str]]:
    try:
        tags = json.loads(path.read_text(encoding='utf-8-sig'), object_pairs_hook=_without_twins)
    except KeyError as error:
        raise UserError(f"'{path}' lists {error} twice; keep one entry of it") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"'{path}' is no JSON file: {error}") from error
    if not isinstance(tags, dict):
        raise UserError(f"'{path}' must hold a dict from ids to lists of names")
    for name, value in tags.items():
        if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
            raise UserError(
                f"image '{name}' in '{path}' has {reprlib.repr(value)} instead of a list of names"
            )
    return {name.strip(): [tag.strip() for tag in value] for name, value in tags.items()}


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """What JSON reads, which would keep the last of equal keys only."""
    names = [name.strip() for name, _ in pairs]
    if repeated := repeated_ids(names):
        raise KeyError(repeated[0])
    return dict(pairs)


def write_image_labels(
    path: str | os.PathLike, vectors: Mapping[str, np.ndarray], classes: Sequence[str]
) -> None:
    """Write tags that are vectors as a ``.json`` file of names.

    Args:
        path (str | os.PathLike): The file.
        vectors (Mapping[str, np.ndarray]): For each id 0 or 1 per foreground class, shape (C - 1,).
        classes (Sequence[str]): Names of the C classes; the first is the background.

    Raises:
        ValueError: If an id is no text, or a vector has another length or other values.
    """
    tags = {}
    for name, vector in vectors.items():
        vector = np.asarray(vector)
        if not isinstance(name, str):
            raise UserError(
                f'the id {name!r} is of type {type(name).__name__}; ids are texts as in split '
                "lists, such as '2007_000032'"
            )
        if vector.shape != (len(classes) - 1,):
            raise UserError(
                f"the tags of image '{name}' have shape {vector.shape}, but there are "
                f'{len(classes) - 1} foreground classes; one number per class is needed'
            )
        if (values := set(vector.tolist())) - {0, 1}:
            raise UserError(
                f"the tags of image '{name}' have the values "
                f'{", ".join(map(str, sorted(values, key=str)))}; give 0 for absent and 1 for '
                'present classes: compare scores with a threshold, and of -1, 0 and 1 decide '
                'whether 0, which is VOC\'s "difficult", counts'
            )
        tags[name] = [classes[index + 1] for index in np.flatnonzero(vector)]
    write_atomically(path, json.dumps(tags))

"""The keys of a data card, how their values are read, and what these must be."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from ...core.errors import MissingFileError
from ...core.labels import IGNORE
from ...core.suggest import did_you_mean
from .card_yaml import CardError
from .class_colors import COLOR, auto_palette, color_channels
from .image_labels import KINDS

VOID = 'void'
"""What a label map calls pixels without a class."""

MOST_CLASSES = 254
"""Two of the labels that a byte holds are void and stray."""

Part = str | Fraction | int
"""A list of images by its path, the share of the images, or their number."""


class Place(NamedTuple):
    """The place of a value, with what stands before it in the card."""

    path: Path
    key: str
    found: Mapping[str, Any]

    def error(self, text: str) -> CardError:
        return CardError(f"data card '{self.path}': {self.key} {text}")

    def existing(self, value: str, what: str, folder: bool = False) -> str:
        """Absolute path of a file or folder below the root."""
        path = Path(os.path.normpath(self.found.get('root', self.path.parent) / value))
        if path.is_dir() if folder else path.exists():
            return str(path)
        beside = [entry.name for entry in path.parent.glob('*')] if path.parent.is_dir() else []
        hint = did_you_mean(path.name, beside, 'paths start at root, and root at the card')
        raise MissingFileError(str(self.error(f"is {what} '{path}', which does not exist; {hint}")))


def _text(value: Any, place: Place) -> str:
    if not isinstance(value, str) or not value:
        raise place.error(f'must be a text, but is {value!r}')
    return value


def _folder(value: Any, place: Place) -> Path:
    return Path(place.existing(_text(value, place), 'the folder', folder=True))


def _root(value: Any, place: Place) -> Path:
    return _folder(os.path.expanduser(_text(value, place)), place)


def _classes(value: Any, place: Place) -> tuple[str, ...]:
    names = _names(value, place)
    if not 2 <= len(names) <= MOST_CLASSES:
        raise place.error(f'must be 2 to {MOST_CLASSES} names, but are {len(names)}')
    if VOID in names:
        raise place.error(
            f'have {VOID!r}, which stands for pixels without a class; map their value to {VOID} '
            'in label_map, or choose another name'
        )
    return names


def _names(value: Any, place: Place) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise place.error(f'must be a list of names, [one, two], but is {value!r}')
    for name in value:
        if not isinstance(name, str) or not name:
            raise place.error(f'have {name!r} instead of a name; write it in quotes')
        if value.count(name) > 1:
            raise place.error(f'have {name!r} more than once')
    return tuple(value)


def _known(names: Iterable[str], place: Place) -> None:
    for name in names:
        if name not in place.found['classes']:
            hint = did_you_mean(name, place.found['classes'])
            raise place.error(f'has {name!r}, which is none of the classes; {hint}')


def _label_map(value: Any, place: Place) -> dict[int | str, int]:
    classes = place.found['classes']
    if not isinstance(value, dict) or not value:
        raise place.error(f'must map values of the masks to classes, {{0: one}}, but is {value!r}')
    found = {}
    for old, new in value.items():
        if isinstance(old, str) and COLOR.fullmatch(old):
            old = old.lower()
        elif isinstance(old, bool) or not isinstance(old, int) or not 0 <= old < 1 << 16:
            raise place.error(
                f'has {old!r}, which is neither a value of 0 to 65535 nor a colour like "#804000"'
            )
        if not isinstance(new, str):
            raise place.error(f'maps {old!r} to {new!r}; give the name of a class, or {VOID}')
        if new not in (*classes, VOID):
            hint = did_you_mean(new, (*classes, VOID))
            raise place.error(f'maps {old!r} to {new!r}, which is none of the classes; {hint}')
        if old in found:
            raise place.error(f'has {old!r} twice')
        found[old] = IGNORE if new == VOID else classes.index(new)
    if len({type(old) for old in found}) > 1:
        raise place.error('has both values and colours; masks hold one of them')
    if missing := [name for index, name in enumerate(classes) if index not in found.values()]:
        raise place.error(f'maps nothing to the class {missing[0]!r}')
    if len(found) > IGNORE:
        raise place.error(f'has {len(found)} entries, but at most {IGNORE} are possible')
    return found


def _part(value: Any, place: Place) -> Part:
    share = r'\d+/[1-9]\d*'
    if isinstance(value, str) and not re.fullmatch(share, value):
        return place.existing(value, 'the list')
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    # NaN and infinity are floats in YAML.
    if isinstance(value, str) or isinstance(value, float) and 0 < value < 1:
        if 0 < (part := Fraction(str(value))) < 1:
            return part
    raise place.error(
        f'is {value!r}; give a list of images, a share of them such as 1/8 or 0.125, or a number'
    )


def _list(value: Any, place: Place) -> str:
    return place.existing(_text(value, place), 'the list')


def _tags(value: Any, place: Place) -> str:
    if value == 'masks':
        if not place.found.get('masks'):
            raise place.error("is 'masks', but the card has no masks")
        return value
    return place.existing(_text(value, place), f'the file ({KINDS})')


def _unseen(value: Any, place: Place) -> tuple[str, ...]:
    names = _names(value, place)
    _known(names, place)
    if len(names) == len(place.found['classes']):
        raise place.error('has all classes; zero-shot learning needs some that are seen')
    return names


def _vectors(value: Any, place: Place) -> tuple[str, ...]:
    from .class_embeddings import list_class_embeddings

    shipped = list_class_embeddings()
    names = [value] if isinstance(value, str) else _names(value, place)
    files = []
    for name in names:
        if name not in shipped and not Path(place.found['root'] / name).exists():
            hint = did_you_mean(name, shipped)
            raise place.error(
                f"has '{name}', which is neither a file nor vectors of this package; {hint}"
            )
        files.append(name if name in shipped else place.existing(name, 'the file'))
    return tuple(files)


def _palette(value: Any, place: Place) -> tuple[tuple[int, int, int], ...]:
    classes = place.found['classes']
    if value == 'auto':
        return auto_palette(classes)
    if isinstance(value, dict):
        _known(map(str, value), place)
        if missing := [name for name in classes if name not in value]:
            raise place.error(f'has no colour for {missing[0]!r}')
        value = [value[name] for name in classes]
    if not isinstance(value, list) or len(value) != len(classes):
        raise place.error(f'must be auto, or {len(classes)} colours, one for each class')
    for color in value:
        if not isinstance(color, str) or not COLOR.fullmatch(color):
            raise place.error(f'has {color!r}, which is no colour like "#804000"')
    return tuple(color_channels(color) for color in value)


class Key(NamedTuple):
    """How a key is read, what an editor may say about it, and its value where it is absent."""

    read: Callable[[Any, Place], Any]
    schema: dict[str, Any]
    help: str
    default: Any = None


_STRING: dict[str, Any] = dict(type='string')
_STRINGS: dict[str, Any] = dict(type='array', items=_STRING, uniqueItems=True)
_COLOR: dict[str, Any] = dict(type='string', pattern=f'^{COLOR.pattern}$')
_PART: dict[str, Any] = dict(type=['string', 'number'])

KEYS: dict[str, Key] = {
    'root': Key(
        _root, _STRING, 'folder that all other paths start from, relative to the card', '.'
    ),
    'images': Key(_folder, _STRING, 'folder of the images, of any common suffix'),
    'masks': Key(_folder, _STRING, 'folder of the masks, if there are any'),
    'mask_suffix': Key(
        _text, _STRING, 'what follows the id of an image in the name of its mask', '.png'
    ),
    'classes': Key(_classes, _STRINGS, 'names of the classes in the order of their indices'),
    'label_map': Key(
        _label_map,
        dict(type='object', additionalProperties=_STRING),
        'class, or void, of each value or "#rrggbb" colour of the masks; absent: the values are '
        'the indices, and 255 is void',
    ),
    'train': Key(
        _list, _STRING, 'list of all training images; absent: all images in no other list'
    ),
    'labeled': Key(
        _part, _PART, 'training images with masks: a list, a share or a number; absent: all that '
        'have a mask'
    ),
    'val': Key(_part, _PART, 'images of the validation: a list, a share or a number'),
    'tags': Key(_tags, _STRING, f'classes of whole images: {KINDS}, or masks'),
    'unseen': Key(_unseen, _STRINGS, 'classes without masks, of zero-shot learning'),
    'vectors': Key(
        _vectors, dict(anyOf=[_STRING, _STRINGS]), 'word vectors of the classes, by name or file'
    ),
    'palette': Key(
        _palette,
        dict(anyOf=[
            dict(const='auto'),
            dict(type='array', items=_COLOR),
            dict(type='object', additionalProperties=_COLOR),
        ]),
        'auto, or a "#rrggbb" colour for each class',
        'auto',
    ),
}  # fmt: skip
"""All keys of a card, in the order in which they need each other."""

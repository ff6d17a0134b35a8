"""Data cards: one YAML file that says where a user's images, masks and classes are."""

import colorsys
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ...core.errors import MissingFileError, UserError
from ...core.labels import IGNORE
from ...core.suggest import did_you_mean
from .image_labels import KINDS

VOID = 'void'
"""What a label map calls pixels without a class."""

MOST_CLASSES = 254
"""Two of the labels that a byte holds are void and stray."""

BACKGROUND = (0, 0, 0)
COLOR = re.compile('#[0-9a-fA-F]{6}')

Part = str | Fraction | int
"""A list of images by its path, the share of the images, or their number."""


class CardError(UserError):
    """A data card says something that cannot be."""


@dataclass(frozen=True)
class DataCard:
    """What a data card says; all paths are absolute.

    Attributes:
        path (Path): The card itself.
        root (Path): Folder that all its paths start from.
        images (Path): Folder of the images.
        masks (Path, optional): Folder of the masks; None if there are none.
        mask_suffix (str): What follows the id of an image in the name of its mask.
        classes (tuple[str, ...]): In the order of their indices.
        label_map (dict): From values or colours (``'#804000'``) in the masks to class indices or
            255, void; empty if the values are the indices.
        train (str, optional): List of all training images.
        labeled (str | Fraction | int, optional): Training images with masks: a list, or how many.
        val (str | Fraction | int, optional): Images of the validation: a list, or how many.
        tags (str, optional): File or folder of tags, or ``'masks'``.
        unseen (tuple[str, ...]): Classes without masks, of zero-shot learning.
        vectors (tuple[str, ...]): Word vectors: names of those that come with this package, or
            files.
        palette (tuple[tuple[int, int, int], ...]): An RGB colour for each class.
    """

    path: Path
    root: Path
    images: Path
    classes: tuple[str, ...]
    masks: Path | None = None
    mask_suffix: str = '.png'
    label_map: dict[int | str, int] = field(default_factory=dict)
    train: str | None = None
    labeled: Part | None = None
    val: Part | None = None
    tags: str | None = None
    unseen: tuple[str, ...] = ()
    vectors: tuple[str, ...] = ()
    palette: tuple[tuple[int, int, int], ...] = ()


def read_card(path: str | os.PathLike) -> DataCard:
    """Read a data card and check all that it says; see ``docs/custom-data.md``.

    Args:
        path (str | os.PathLike): The YAML file.

    Returns:
        DataCard: What it says.

    Raises:
        FileNotFoundError: If the card or something that it names does not exist.
        CardError: If a key, class, value or colour is not as it must be.
    """
    path = Path(os.path.abspath(path))
    values = _read_yaml(path)
    for key in values:
        if key not in KEYS:
            raise CardError(f"data card '{path}' has the unknown key {key!r}; "
                            f'{did_you_mean(str(key), KEYS)}')  # fmt: skip
    if missing := [key for key in ('images', 'classes') if values.get(key) is None]:
        raise CardError(f"data card '{path}' needs the key {missing[0]!r}: {KEYS[missing[0]].help}")
    found: dict[str, Any] = dict(path=path)
    for key, rule in KEYS.items():  # in the order in which they need each other
        value = values.get(key, rule.default)
        if value is not None:
            found[key] = rule.read(value, _Where(path, key, found))
    return DataCard(**found)


def card_schema() -> dict[str, Any]:
    """The JSON schema of data cards, for editors.

    Returns:
        dict[str, Any]: The schema.
    """
    return {
        '$schema': 'https://json-schema.org/draft/2020-12/schema',
        'title': 'Data card of label_efficient_seg',
        'type': 'object',
        'required': ['images', 'classes'],
        'additionalProperties': False,
        'properties': {key: dict(rule.schema, description=rule.help) for key, rule in KEYS.items()},
    }


class _UniqueKeys(yaml.SafeLoader):
    """Refuses what YAML readers otherwise take silently: the later of two equal keys.

    It refuses aliases, too: some lines of them stand for billions of values.
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.get_event()
            raise yaml.composer.ComposerError(
                problem=f'*{event.anchor} stands for what is written elsewhere; write it out',
                problem_mark=event.start_mark,
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    problem=f'the key {key!r} stands there twice', problem_mark=node.start_mark
                )
        return super().construct_mapping(node, deep)


def _read_yaml(path: Path) -> dict:
    try:
        text = path.read_text(encoding='utf-8-sig')
        values = yaml.load(text, _UniqueKeys)
    except FileNotFoundError:
        raise MissingFileError(f"data card '{path}' does not exist") from None
    except (IsADirectoryError, UnicodeDecodeError) as error:
        raise CardError(f"data card '{path}' is no text file: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, 'problem_mark', None)
        line = f'line {mark.line + 1}: ' if mark else ''
        hint = '; write colours in quotes, "#804000"' if re.search(r'[{,\s]#[0-9a-f]{6}\s*:', text,
                                                                   re.I) else ''  # fmt: skip
        problem = getattr(error, 'problem', None) or error
        raise CardError(f"data card '{path}' is no YAML: {line}{problem}{hint}") from error
    except (ValueError, OverflowError, RecursionError) as error:  # of numbers, dates and depth
        raise CardError(f"data card '{path}' is no YAML: {error}") from error
    if not isinstance(values, dict):
        raise CardError(f"data card '{path}' must hold lines of the form 'key: value'")
    return values


class _Where(NamedTuple):
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


def _text(value: Any, where: _Where) -> str:
    if not isinstance(value, str) or not value:
        raise where.error(f'must be a text, but is {value!r}')
    return value


def _folder(value: Any, where: _Where) -> Path:
    return Path(where.existing(_text(value, where), 'the folder', folder=True))


def _root(value: Any, where: _Where) -> Path:
    return _folder(os.path.expanduser(_text(value, where)), where)


def _classes(value: Any, where: _Where) -> tuple[str, ...]:
    names = _names(value, where)
    if not 2 <= len(names) <= MOST_CLASSES:
        raise where.error(f'must be 2 to {MOST_CLASSES} names, but are {len(names)}')
    if VOID in names:
        raise where.error(
            f'have {VOID!r}, which stands for pixels without a class; map their value to {VOID} '
            'in label_map, or choose another name'
        )
    return names


def _names(value: Any, where: _Where) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise where.error(f'must be a list of names, [one, two], but is {value!r}')
    for name in value:
        if not isinstance(name, str) or not name:
            raise where.error(f'have {name!r} instead of a name; write it in quotes')
        if value.count(name) > 1:
            raise where.error(f'have {name!r} more than once')
    return tuple(value)


def _known(names: Iterable[str], where: _Where) -> None:
    for name in names:
        if name not in where.found['classes']:
            hint = did_you_mean(name, where.found['classes'])
            raise where.error(f'has {name!r}, which is none of the classes; {hint}')


def _label_map(value: Any, where: _Where) -> dict[int | str, int]:
    classes = where.found['classes']
    if not isinstance(value, dict) or not value:
        raise where.error(f'must map values of the masks to classes, {{0: one}}, but is {value!r}')
    found = {}
    for old, new in value.items():
        if isinstance(old, str) and COLOR.fullmatch(old):
            old = old.lower()
        elif isinstance(old, bool) or not isinstance(old, int) or not 0 <= old < 1 << 16:
            raise where.error(
                f'has {old!r}, which is neither a value of 0 to 65535 nor a colour like "#804000"'
            )
        if not isinstance(new, str):
            raise where.error(f'maps {old!r} to {new!r}; give the name of a class, or {VOID}')
        if new not in (*classes, VOID):
            hint = did_you_mean(new, (*classes, VOID))
            raise where.error(f'maps {old!r} to {new!r}, which is none of the classes; {hint}')
        if old in found:
            raise where.error(f'has {old!r} twice')
        found[old] = IGNORE if new == VOID else classes.index(new)
    if len({type(old) for old in found}) > 1:
        raise where.error('has both values and colours; masks hold one of them')
    if missing := [name for index, name in enumerate(classes) if index not in found.values()]:
        raise where.error(f'maps nothing to the class {missing[0]!r}')
    if len(found) > IGNORE:
        raise where.error(f'has {len(found)} entries, but at most {IGNORE} are possible')
    return found


def _part(value: Any, where: _Where) -> Part:
    share = r'\d+/[1-9]\d*'
    if isinstance(value, str) and not re.fullmatch(share, value):
        return where.existing(value, 'the list')
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    # NaN and infinity are floats in YAML.
    if isinstance(value, str) or isinstance(value, float) and 0 < value < 1:
        if 0 < (part := Fraction(str(value))) < 1:
            return part
    raise where.error(
        f'is {value!r}; give a list of images, a share of them such as 1/8 or 0.125, or a number'
    )


def _list(value: Any, where: _Where) -> str:
    return where.existing(_text(value, where), 'the list')


def _tags(value: Any, where: _Where) -> str:
    if value == 'masks':
        if not where.found.get('masks'):
            raise where.error("is 'masks', but the card has no masks")
        return value
    return where.existing(_text(value, where), f'the file ({KINDS})')


def _unseen(value: Any, where: _Where) -> tuple[str, ...]:
    names = _names(value, where)
    _known(names, where)
    if len(names) == len(where.found['classes']):
        raise where.error('has all classes; zero-shot learning needs some that are seen')
    return names


def _vectors(value: Any, where: _Where) -> tuple[str, ...]:
    from .class_embeddings import list_class_embeddings

    shipped = list_class_embeddings()
    names = [value] if isinstance(value, str) else _names(value, where)
    files = []
    for name in names:
        if name not in shipped and not Path(where.found['root'] / name).exists():
            hint = did_you_mean(name, shipped)
            raise where.error(
                f"has '{name}', which is neither a file nor vectors of this package; {hint}"
            )
        files.append(name if name in shipped else where.existing(name, 'the file'))
    return tuple(files)


def _palette(value: Any, where: _Where) -> tuple[tuple[int, int, int], ...]:
    classes = where.found['classes']
    if value == 'auto':
        return auto_palette(classes)
    if isinstance(value, dict):
        _known(map(str, value), where)
        if missing := [name for name in classes if name not in value]:
            raise where.error(f'has no colour for {missing[0]!r}')
        value = [value[name] for name in classes]
    if not isinstance(value, list) or len(value) != len(classes):
        raise where.error(f'must be auto, or {len(classes)} colours, one for each class')
    for color in value:
        if not isinstance(color, str) or not COLOR.fullmatch(color):
            raise where.error(f'has {color!r}, which is no colour like "#804000"')
    return tuple(color_channels(color) for color in value)


def color_channels(color: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of a colour such as ``'#804000'``."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def auto_palette(classes: Sequence[str]) -> tuple[tuple[int, int, int], ...]:
    """Colours that are easy to tell apart; black for a first class called background.

    Args:
        classes (Sequence[str]): Names of the classes.

    Returns:
        tuple[tuple[int, int, int], ...]: RGB, 0 to 255, pairwise different.
    """
    # Hues at golden sections of the circle are far apart, however many there are.
    colors = []
    for index, name in enumerate(classes):
        brightness = (1.0, 0.75, 0.5)[index // 8 % 3]
        channels = colorsys.hsv_to_rgb(index * 0.618034 % 1, 0.85 - 0.1 * (index % 3), brightness)
        neutral = index == 0 and name.lower() in ('background', 'other')
        colors.append(BACKGROUND if neutral else tuple(round(255 * value) for value in channels))
    return tuple(colors)  # type: ignore[arg-type]


class _Key(NamedTuple):
    """How a key is read, what an editor may say about it, and its value where it is absent."""

    read: Callable[[Any, _Where], Any]
    schema: dict[str, Any]
    help: str
    default: Any = None


_STRING: dict[str, Any] = dict(type='string')
_STRINGS: dict[str, Any] = dict(type='array', items=_STRING, uniqueItems=True)
_COLOR: dict[str, Any] = dict(type='string', pattern=f'^{COLOR.pattern}$')
_PART: dict[str, Any] = dict(type=['string', 'number'])

KEYS: dict[str, _Key] = {
    'root': _Key(
        _root, _STRING, 'folder that all other paths start from, relative to the card', '.'
    ),
    'images': _Key(_folder, _STRING, 'folder of the images, of any common suffix'),
    'masks': _Key(_folder, _STRING, 'folder of the masks, if there are any'),
    'mask_suffix': _Key(
        _text, _STRING, 'what follows the id of an image in the name of its mask', '.png'
    ),
    'classes': _Key(_classes, _STRINGS, 'names of the classes in the order of their indices'),
    'label_map': _Key(
        _label_map,
        dict(type='object', additionalProperties=_STRING),
        'class, or void, of each value or "#rrggbb" colour of the masks; absent: the values are '
        'the indices, and 255 is void',
    ),
    'train': _Key(
        _list, _STRING, 'list of all training images; absent: all images in no other list'
    ),
    'labeled': _Key(
        _part, _PART, 'training images with masks: a list, a share or a number; absent: all that '
        'have a mask'
    ),
    'val': _Key(_part, _PART, 'images of the validation: a list, a share or a number'),
    'tags': _Key(_tags, _STRING, f'classes of whole images: {KINDS}, or masks'),
    'unseen': _Key(_unseen, _STRINGS, 'classes without masks, of zero-shot learning'),
    'vectors': _Key(
        _vectors, dict(anyOf=[_STRING, _STRINGS]), 'word vectors of the classes, by name or file'
    ),
    'palette': _Key(
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

"""Data cards: one YAML file that says where a user's images, masks and classes are."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...core.suggest import did_you_mean
from .card_keys import KEYS, Part, Place
from .card_yaml import CardError, read_yaml


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
    values = read_yaml(path)
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
            found[key] = rule.read(value, Place(path, key, found))
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

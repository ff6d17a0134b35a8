"""Split lists: text files with one image id per line.

An id is the path of an image below the image folder without its suffix, with ``/`` between
folders: ``2007_000032``, ``aachen/aachen_000000_000019``.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from ...core.atomic import write_atomically
from ...core.config_index import resource_root
from ...core.errors import MissingFileError, UserError


class SplitError(UserError):
    """A split list that is empty or no text, has bad ids, or does not fit the list it is from."""


def find_split(path: str | os.PathLike, data_root: str | os.PathLike | None = None) -> Path:
    """Find a split list.

    Args:
        path (str | os.PathLike): Absolute, or relative to ``data_root``, to the working directory
            or to the lists that come with this package (``splits/voc/1_8/labeled.txt``), tried in
            this order.
        data_root (str | os.PathLike, optional): Root folder of the dataset.

    Returns:
        Path: The first of these files that exists.

    Raises:
        FileNotFoundError: If there is none; the message lists where it was looked for.
    """
    path = Path(path)
    roots = [Path(data_root)] if data_root else []
    roots += [Path(), resource_root()]
    # An absolute path replaces whatever it is joined to.
    candidates = list(dict.fromkeys(root / path for root in roots))
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    looked = ', '.join(f"'{candidate}'" for candidate in candidates)
    raise MissingFileError(
        f"split file '{path}' does not exist (looked for {looked}); check the path and data_root, "
        'or write one with les split'
    )


def parse_split(text: str) -> list[str]:
    """Ids in the text of a split list, in order; blank lines are left out."""
    return [line.strip() for line in text.removeprefix('\ufeff').splitlines() if line.strip()]


def read_split(path: str | os.PathLike, strict: bool = True) -> list[str]:
    """Read a split list.

    Args:
        path (str | os.PathLike): The file.
        strict (bool): Whether to refuse an empty list and repeated ids.

    Returns:
        list[str]: Ids in the order of the file.

    Raises:
        SplitError: If the file is no text, an id leads out of the image folder, or the list is
            empty or repeats an id.
    """
    try:
        ids = parse_split(Path(path).read_text(encoding='utf-8'))
    except UnicodeDecodeError as error:
        raise SplitError(
            f"split file '{path}' is no text in UTF-8 ({error}); save it as plain text"
        ) from error
    # Files are also written under these names.
    if outside := [name for name in ids if not _is_below(name)]:
        raise SplitError(
            f"split file '{path}' lists {outside[0]!r}{more(outside)}, which is no id; a split "
            'file has one id per line: the path below the image folder without suffix'
        )
    if strict and not ids:
        raise SplitError(f"split file '{path}' lists no image")
    if strict and (repeated := repeated_ids(ids)):
        raise SplitError(
            f"split file '{path}' lists '{repeated[0]}' more than once{more(repeated)}; "
            'keep one line per image'
        )
    return ids


def _is_below(name: str) -> bool:
    # Few names have dots, so that few are split.
    return (
        not name.startswith('/')
        and '\0' not in name
        and ('..' not in name or '..' not in name.split('/'))
    )


def repeated_ids(ids: Collection[str]) -> list[str]:
    """Ids that occur more than once, in order of first occurrence."""
    if len(set(ids)) == len(ids):
        return []
    return [name for name, count in Counter(ids).items() if count > 1]


def complement(population: Sequence[str], excluded: Sequence[str], names: str) -> list[str]:
    """Ids of ``population`` that are not in ``excluded``, in order.

    Args:
        population (Sequence[str]): All ids.
        excluded (Sequence[str]): Ids to leave out; some may be foreign to the population.
        names (str): How messages name the two lists.

    Returns:
        list[str]: What remains.

    Raises:
        SplitError: If nothing is left, or no excluded id belongs to the population (lists of two
            datasets, or of other forms of id).
    """
    excluded = set(excluded)
    rest = [name for name in population if name not in excluded]
    if not rest:
        raise SplitError(f'{names}: nothing is left, every image is excluded')
    if len(rest) == len(population):
        raise SplitError(
            f"{names}: none of the {len(excluded)} excluded ids (such as '{min(excluded)}') is "
            f"among the {len(population)} images (such as '{population[0]}'); they seem to be "
            'lists of different datasets'
        )
    return rest


def write_split(path: str | os.PathLike, ids: Iterable[str]) -> None:
    """Write a split list, one id per line, whole or not at all."""
    write_atomically(path, ''.join(f'{name}\n' for name in ids))


def more(names: Sequence[str]) -> str:
    """``' (3 more)'`` for four names, nothing for one: ends a message that names the first."""
    return f' ({len(names) - 1} more)' if len(names) > 1 else ''

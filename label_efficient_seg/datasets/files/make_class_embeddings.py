"""Class embeddings for a user's own classes, from a local file of word vectors."""

import os
import re
from collections.abc import Mapping, Sequence

import numpy as np

from ...core.errors import UserError
from .class_embeddings import write_class_embeddings
from .word_vector_files import find_word_vectors, first_words


def make_class_embeddings(
    vectors: str | os.PathLike,
    classes: Sequence[str],
    path: str | os.PathLike,
    aliases: Mapping[str, str] | None = None,
) -> np.ndarray:
    """Write one vector per class: the mean of the vectors of the words of its name.

    A name is divided at spaces, underscores, hyphens and slashes. A word is looked for as it is
    and, if it is not there, in lower case.

    Args:
        vectors (str | os.PathLike): As for :func:`find_word_vectors`.
        classes (Sequence[str]): Names of the classes.
        path (str | os.PathLike): The ``.npz`` file to write, for :func:`load_class_embeddings`.
        aliases (Mapping[str, str], optional): Other words for a class, divided at spaces only:
            ``{'tvmonitor': 'tv monitor', 'hot dog': 'hot_dog'}``.

    Returns:
        np.ndarray: The vectors, float32, shape (C, D), not normalised.

    Raises:
        FileNotFoundError: If there is no file of word vectors.
        ValueError: If the file lacks a word, a name has no word, a class is repeated, an alias
            belongs to no class, or the file is damaged.
    """
    words = _words(classes, aliases or {})
    spellings = {spelling for parts in words.values() for w in parts for spelling in (w, w.lower())}
    found = find_word_vectors(vectors, spellings)
    missing = {
        name: [w for w in parts if w not in found and w.lower() not in found]
        for name, parts in words.items()
    }
    if lacking := {name: parts for name, parts in missing.items() if parts}:
        listed = '; '.join(f'{", ".join(parts)} of {name!r}' for name, parts in lacking.items())
        raise UserError(
            f"'{vectors}' has no vector of these words: {listed} (it begins with "
            f'{", ".join(map(repr, first_words(vectors)))}). Name other words for such classes, as '
            'in --alias "tvmonitor=tv monitor"'
        )
    matrix = np.stack([
        np.mean([found[w] if w in found else found[w.lower()] for w in parts], axis=0)
        for parts in words.values()
    ])  # fmt: skip
    used = '; '.join(f'{name}: {" + ".join(parts)}' for name, parts in words.items())
    note = f'means of vectors of {os.path.basename(vectors)}: {used}'
    write_class_embeddings(path, classes, matrix, note)
    return matrix


def _words(classes: Sequence[str], aliases: Mapping[str, str]) -> dict[str, list[str]]:
    if unknown := [name for name in aliases if name not in classes]:
        raise UserError(f'alias of {unknown[0]!r}, which is none of the classes')
    words = {
        name: aliases[name].split() if name in aliases else re.sub('[_/-]', ' ', name).split()
        for name in classes
    }
    if len(words) < len(classes):
        raise UserError(f'a class is repeated in {", ".join(classes)}')
    if empty := [name for name, parts in words.items() if not parts]:
        raise UserError(f'class {empty[0]!r} has no word')
    return words

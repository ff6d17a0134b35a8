"""Class embeddings: one vector per class, by which classes without labels are known."""

import io
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from ...core.arrays import open_arrays
from ...core.atomic import write_atomically
from ...core.errors import MissingFileError, UserError

FOLDER = Path(__file__).with_name('word_vectors')


def list_class_embeddings() -> list[str]:
    """Names that :func:`load_class_embeddings` knows; 'toy' has attributes, others word vectors."""
    return sorted(path.stem for path in FOLDER.glob('*.npz'))


def load_class_embeddings(
    source: str | os.PathLike | Sequence[str | os.PathLike],
    classes: Sequence[str],
    normalize: bool = True,
) -> np.ndarray:
    """Vectors of classes, in their order.

    Names of classes are compared without regard to case, spaces, hyphens and underscores.

    Args:
        source (str | os.PathLike | Sequence): A name in :func:`list_class_embeddings`, or a
            ``.npz`` file that ``les embeddings`` wrote. Of several, the vectors of
            a class are joined, as SIGN does with fastText and word2vec.
        classes (Sequence[str]): Names of the classes.
        normalize (bool): Whether to divide each vector, once joined, by its Euclidean length.

    Returns:
        np.ndarray: float32, shape (C, D).

    Raises:
        FileNotFoundError: If there is no such file or name.
        ValueError: If the file is of another kind or damaged, a class is repeated or has no
            vector, or a vector of length 0 is to be normalised.
    """
    if len({_key(name) for name in classes}) < len(classes):
        raise UserError(f'a class is repeated in {", ".join(classes)}; each needs its own vector')
    sources = [source] if isinstance(source, (str, os.PathLike)) else source
    vectors = np.concatenate([_select(item, classes) for item in sources], axis=1)
    for pair in equal_vectors(classes, vectors):
        print_log(
            f"the classes {' and '.join(map(repr, pair))} have the same vector in '{source}', so "
            'no model can tell them apart; name other words for one of them',
            logger='current',
            level=logging.WARNING,
        )
    if not normalize:
        return vectors
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if bad := [n for n, length in zip(classes, lengths, strict=True) if not 0 < length < np.inf]:
        raise UserError(
            f"the vector of class {bad[0]!r} in '{source}' is zero or too long; give another"
        )
    return vectors / lengths


def equal_vectors(classes: Sequence[str], vectors: np.ndarray) -> list[tuple[str, str]]:
    """Pairs of classes that have the same vector, but for its length.

    Args:
        classes (Sequence[str]): Names of the classes.
        vectors (np.ndarray): Their vectors, shape (C, D).

    Returns:
        list[tuple[str, str]]: Each class with the first one that has its vector.
    """
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    rows = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    pairs = []
    for index in range(1, len(rows)):
        same = np.flatnonzero(np.abs(rows[:index] - rows[index]).max(axis=1) < 1e-6)
        if len(same):
            pairs.append((classes[same[0]], classes[index]))
    return pairs


def write_class_embeddings(
    path: str | os.PathLike, names: Sequence[str], vectors: np.ndarray, note: str = ''
) -> None:
    """Write what :func:`load_class_embeddings` reads.

    Args:
        path (str | os.PathLike): The ``.npz`` file; parent folders are made.
        names (Sequence[str]): Names of the classes.
        vectors (np.ndarray): Their vectors, shape (C, D), any float type.
        note (str): Where the vectors come from.

    Raises:
        ValueError: If there is not one vector of finite numbers per name, or a name is repeated.
    """
    names = np.array(names, np.str_)
    _check(names, vectors, path)
    file = io.BytesIO()
    np.savez_compressed(file, names=names, vectors=vectors, note=np.array(note))
    write_atomically(path, file.getvalue())


def _select(source: str | os.PathLike, classes: Sequence[str]) -> np.ndarray:
    names, vectors = _read(_find(source))
    rows = {_key(name): row for row, name in enumerate(names)}
    if missing := [name for name in classes if _key(name) not in rows]:
        raise UserError(
            f"'{source}' has no vector of {', '.join(missing)}, but of {', '.join(names)}; make a "
            'file for your classes with les embeddings'
        )
    return vectors[[rows[_key(name)] for name in classes]].astype(np.float32)


def _find(source: str | os.PathLike) -> Path:
    for path in (FOLDER / f'{source}.npz', Path(source)):
        if path.is_file():
            return path
    raise MissingFileError(
        f"class embeddings '{source}' do not exist; give a .npz file that "
        f'les embeddings wrote, or one of {", ".join(list_class_embeddings())}'
    )


def _read(path: Path) -> tuple[list[str], np.ndarray]:
    maker, keys = 'les embeddings', ('names', 'vectors')
    with open_arrays(path, 'class embeddings', maker, keys) as file:
        # What has not the form of an array comes as bytes.
        names, vectors = np.asarray(file['names']), np.asarray(file['vectors'])
    _check(names, vectors, path)
    return names.tolist(), vectors


def _check(names: np.ndarray, vectors: np.ndarray, path: str | os.PathLike) -> None:
    if vectors.ndim != 2 or names.shape != vectors.shape[:1] or vectors.dtype.kind != 'f':
        raise UserError(
            f"class embeddings '{path}' have names of shape {names.shape} and vectors of shape "
            f'{vectors.shape} and type {vectors.dtype}; one row of numbers per name is needed'
        )
    if names.dtype.kind != 'U':
        raise UserError(f"class embeddings '{path}' have names of type {names.dtype}, not texts")
    with np.errstate(over='ignore'):
        finite = np.isfinite(vectors.astype(np.float32)).all(axis=1)
    if not finite.all():
        bad = names[~finite]
        raise UserError(f"class embeddings '{path}' of {', '.join(bad)} are not finite")
    if len({_key(name) for name in names.tolist()}) < len(names):
        raise UserError(f"class embeddings '{path}' repeat a class of {', '.join(names)}")


def _key(name: str) -> str:
    return name.lower().translate(str.maketrans('', '', ' _-'))

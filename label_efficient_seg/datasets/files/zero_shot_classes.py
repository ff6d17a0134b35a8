"""What a zero-shot model knows of its classes before it sees an image."""

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from mmseg.registry import DATASETS

from ...core.errors import UserError
from .class_embeddings import load_class_embeddings
from .class_splits import ClassSplit, class_split


class ZeroShotClasses(NamedTuple):
    """What :func:`zero_shot_classes` finds.

    Attributes:
        names (tuple[str, ...]): Names of the classes, in the order of their indices.
        split (ClassSplit): Indices of the seen, the unseen and the ignored ones.
        vectors (np.ndarray): Their embeddings, float32, shape (C, D).
    """

    names: tuple[str, ...]
    split: ClassSplit
    vectors: np.ndarray


def zero_shot_classes(
    classes: str | Sequence[str],
    split: str | Mapping[str, Sequence[str]],
    embeddings: str | os.PathLike | Sequence[str | os.PathLike],
    num_classes: int,
) -> ZeroShotClasses:
    """Names, roles and embeddings of the classes of a model.

    Args:
        classes (str | Sequence[str]): Names of the classes, or a dataset that has them, such as
            ``'PascalVOCDataset'``.
        split (str | Mapping[str, Sequence[str]]): As :func:`class_split` takes it.
        embeddings (str | os.PathLike | Sequence): As :func:`load_class_embeddings` takes them.
        num_classes (int): Number of classes that the model is to have.

    Returns:
        ZeroShotClasses: All about the classes.

    Raises:
        ValueError: If there is no such dataset, or it has another number of classes.
    """
    names = classes
    if isinstance(classes, str):
        dataset = DATASETS.get(classes)
        names = getattr(dataset, 'METAINFO', {}).get('classes')
        if names is None:
            raise UserError(
                f'classes={classes!r} is no registered dataset with class names; give the name of '
                'one, or a list of class names'
            )
    if len(names) != num_classes:
        raise UserError(
            f'classes has {len(names)} names, but the decode head num_classes={num_classes}; '
            'they must be those of the dataset'
        )
    return ZeroShotClasses(
        tuple(names), class_split(split, names), load_class_embeddings(embeddings, names)
    )

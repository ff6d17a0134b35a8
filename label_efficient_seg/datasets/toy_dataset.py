"""The toy dataset as an MMSegmentation dataset."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from ..core.errors import MissingFileError, UserError
from ..core.labels import IGNORE
from .partially_labeled import PartiallyLabeledMixin
from .toy.folder import toy_root
from .toy.spec import ATTRIBUTE_NAMES, ATTRIBUTES, CLASSES, PALETTE, STYLES, ToySpec


@DATASETS.register_module()
class ToyDataset(PartiallyLabeledMixin, BaseSegDataset):
    """Procedural scenes of textured shapes; written to a cache folder at first use.

    ::

        <cache>/toy-<digest>/
            attributes.csv              class, attributes in {0, 1}
            source/, target/
                JPEGImages/*.png
                SegmentationClass/*.png   class indices with a palette, 255 = void
                SegmentationObject/*.png  object numbers with a palette, 255 = void
                ImageSets/Segmentation/   train, val, train_1_8_labeled, train_1_8_unlabeled, ...
                image_labels.csv        image, classes
                difficulty.csv          image, difficulty in [0, 1) (target only)

    ``metainfo=dict(classes=...)`` may name attributes besides classes: an attribute stands for all
    the classes that have it, so ``('background', 'striped', 'dotted', 'checked')`` gives labels of
    the textures alone, whatever the shape.

    Args:
        split (str): A list under ``ImageSets/Segmentation``, without the suffix: 'train', 'val',
            or 'train_1_8', 'train_1_4', 'train_1_2' followed by '_labeled' or '_unlabeled'.
            Defaults to 'train'.
        style (str): 'source' or 'target'. Defaults to 'source'.
        data_root (str, optional): A folder that holds ``source`` and ``target`` and is read as
            it is. Defaults to the one in the cache, written where it is missing.
        spec (dict | ToySpec, optional): Parameters of the generator, see ``ToySpec``; not
            together with ``data_root``. Defaults to ``ToySpec()``.
        ann_file (str): A list elsewhere, such as of a ranking, in the place of ``split``.
        **kwargs: Other arguments of :class:`PartiallyLabeledMixin`, such as ``labeled``, and of
            MMSeg's ``BaseSegDataset``, such as ``pipeline`` or ``indices``.

    Raises:
        FileNotFoundError: If there is no such split; the message lists those there are.
        ValueError: If the style is unknown, or both ``spec`` and ``data_root`` are given.
    """

    METAINFO = dict(classes=CLASSES, palette=[list(color) for color in PALETTE])
    DATA_PREFIX = dict(img_path='JPEGImages', seg_map_path='SegmentationClass')

    def __init__(
        self,
        split: str = 'train',
        style: str = 'source',
        data_root: str | None = None,
        spec: Mapping | ToySpec | None = None,
        ann_file: str = '',
        **kwargs,
    ) -> None:
        if data_root is None:
            if spec is not None and not isinstance(spec, ToySpec):
                spec = ToySpec(**spec)
            root = toy_root(style, spec=spec)
        elif spec is not None:
            raise UserError('give ToyDataset either data_root or spec, not both')
        elif style not in STYLES:
            raise UserError(f'unknown toy style {style!r}; choose one of {", ".join(STYLES)}')
        else:
            root = os.path.join(data_root, style)
        super().__init__(
            ann_file=ann_file or _split_file(root, split),
            data_root=root,
            img_suffix='.png',
            **kwargs,
        )

    @classmethod
    def get_label_map(cls, new_classes: Sequence[str] | None = None) -> dict[int, int] | None:
        """Map the seven classes to those of ``metainfo``.

        Args:
            new_classes (Sequence[str], optional): Names of classes or attributes.

        Returns:
            dict[int, int], optional: New index, or 255 for none, by old index. None if nothing
            changes.

        Raises:
            ValueError: If a name is neither a class nor an attribute, or a class has several.
        """
        if new_classes is None or tuple(new_classes) == CLASSES:
            return None
        label_map = dict.fromkeys(range(len(CLASSES)), IGNORE)
        for new, name in enumerate(new_classes):
            for old in _members(name):
                if label_map[old] != IGNORE:
                    raise UserError(
                        f'class {CLASSES[old]!r} belongs to both {new_classes[label_map[old]]!r} '
                        f'and {name!r} of metainfo.classes'
                    )
                label_map[old] = new
        return label_map

    def _update_palette(self) -> list:
        """A class that stands for several has the colour of their first."""
        classes = self._metainfo['classes']
        return [list(PALETTE[_members(name)[0]]) for name in classes]


def _members(name: str) -> list[int]:
    """Indices of the classes that a class or attribute name stands for."""
    if name in CLASSES:
        return [CLASSES.index(name)]
    if name not in ATTRIBUTE_NAMES:
        known = ', '.join((*CLASSES, *ATTRIBUTE_NAMES[1:]))
        raise UserError(f'unknown toy class {name!r} in metainfo.classes; choose from {known}')
    return ATTRIBUTES[:, ATTRIBUTE_NAMES.index(name)].nonzero()[0].tolist()


def _split_file(root: str, split: str) -> str:
    folder = os.path.join(root, 'ImageSets', 'Segmentation')
    if not os.path.isdir(folder):
        raise MissingFileError(
            f'{folder} does not exist; leave data_root unset, or give the folder that '
            '`python -m label_efficient_seg.datasets.toy` prints'
        )
    path = os.path.join(folder, f'{split}.txt')
    if not os.path.isfile(path):
        known = sorted(name[: -len('.txt')] for name in os.listdir(folder))
        raise MissingFileError(f'no split {split!r} in {folder}; choose one of {", ".join(known)}')
    return os.path.abspath(path)

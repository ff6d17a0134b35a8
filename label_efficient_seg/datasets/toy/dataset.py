"""The toy dataset as an MMSegmentation dataset."""

from __future__ import annotations

import os
from collections.abc import Mapping

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from ..partially_labeled import PartiallyLabeledMixin
from .folder import toy_root
from .spec import CLASSES, PALETTE, STYLES, ToySpec


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

    Args:
        split (str): A list under ``ImageSets/Segmentation``, without the suffix: 'train', 'val',
            or 'train_1_8', 'train_1_4', 'train_1_2' followed by '_labeled' or '_unlabeled'.
            Defaults to 'train'.
        style (str): 'source' or 'target'. Defaults to 'source'.
        data_root (str, optional): A folder that holds ``source`` and ``target`` and is read as
            it is. Defaults to the one in the cache, written where it is missing.
        spec (dict | ToySpec, optional): Parameters of the generator, see ``ToySpec``; not
            together with ``data_root``. Defaults to ``ToySpec()``.
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
        **kwargs,
    ) -> None:
        if data_root is None:
            if spec is not None and not isinstance(spec, ToySpec):
                spec = ToySpec(**spec)
            root = toy_root(style, spec=spec)
        elif spec is not None:
            raise ValueError('give ToyDataset either data_root or spec, not both')
        elif style not in STYLES:
            raise ValueError(f'unknown toy style {style!r}; choose one of {", ".join(STYLES)}')
        else:
            root = os.path.join(data_root, style)
        super().__init__(
            ann_file=_split_file(root, split), data_root=root, img_suffix='.png', **kwargs
        )


def _split_file(root: str, split: str) -> str:
    folder = os.path.join(root, 'ImageSets', 'Segmentation')
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f'{folder} does not exist; leave data_root unset, or give the folder that '
            '`python -m label_efficient_seg.datasets.toy` prints'
        )
    path = os.path.join(folder, f'{split}.txt')
    if not os.path.isfile(path):
        known = sorted(name[: -len('.txt')] for name in os.listdir(folder))
        raise FileNotFoundError(f'no split {split!r} in {folder}; choose one of {", ".join(known)}')
    return os.path.abspath(path)

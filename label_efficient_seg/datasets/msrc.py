"""MSRC v2, as MSRC-21 and with 20 classes that word vectors can tell apart."""

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from .partially_labeled import PartiallyLabeledMixin

# Of the 23 classes in the masks, MSRC-21 leaves out horse and mountain, which hardly occur.
FILE_CLASSES = (
    'building', 'grass', 'tree', 'cow', 'horse', 'sheep', 'sky', 'mountain', 'aeroplane', 'water',
    'face', 'car', 'bicycle', 'flower', 'sign', 'bird', 'book', 'chair', 'road', 'cat', 'dog',
    'body', 'boat',
)  # fmt: skip


@DATASETS.register_module()
class MSRC21Dataset(PartiallyLabeledMixin, BaseSegDataset):
    """MSRC-21: 21 classes of things and surroundings, 357 training and 118 validation images.

    Layout below ``data_root``: ``images/<id>.jpg`` (about 320x213), ``labels/<id>.png`` (index in
    the 23 classes of MSRC v2, void 255) and the lists ``train.txt`` and ``val.txt``.

    Arguments are those of :class:`PartiallyLabeledMixin` and of MMSeg's ``BaseSegDataset``. With
    ``metainfo=dict(classes=[...])``, classes that are left out are void.

    Source: Shotton et al., TextonBoost, ECCV 2006; masks of Malisiewicz and Efros, BMVC 2007.
    """

    METAINFO = dict(
        classes=tuple(name for name in FILE_CLASSES if name not in ('horse', 'mountain')),
        palette=[
            [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128], [0, 128, 128], [128, 128, 128],
            [192, 0, 0], [64, 128, 0], [192, 128, 0], [64, 0, 128], [192, 0, 128], [64, 128, 128],
            [192, 128, 128], [0, 64, 0], [128, 64, 0], [0, 192, 0], [128, 64, 128], [0, 192, 128],
            [128, 192, 128], [64, 64, 0], [192, 64, 0],
        ],
    )  # fmt: skip
    DATA_PREFIX = dict(img_path='images', seg_map_path='labels')
    RENAMED: dict[str, str] = {}
    """Class of the dataset by class of the masks, where they differ."""

    @classmethod
    def get_label_map(cls, new_classes=None) -> dict[int, int]:
        """Index of the class by index in the masks, void (255) for the rest; MMSeg asks for it.

        Args:
            new_classes (Sequence[str], optional): The classes that the model learns, all by
                default.

        Raises:
            ValueError: If one of them is none of the dataset.
        """
        known = cls.METAINFO['classes']
        classes = list(known if new_classes is None else new_classes)
        if unknown := [name for name in classes if name not in known]:
            names = ', '.join(map(str, known))
            raise ValueError(f'{unknown[0]!r} is no class of {cls.__name__}: {names}')
        names = [cls.RENAMED.get(name, name) for name in FILE_CLASSES]
        return {i: classes.index(n) if n in classes else 255 for i, n in enumerate(names)}


@DATASETS.register_module()
class MSRCPersonDataset(MSRC21Dataset):
    """MSRC-21 with face and body as one class, person: 20 classes, each with a word vector."""

    METAINFO = dict(
        classes=tuple(
            'person' if name == 'body' else name
            for name in MSRC21Dataset.METAINFO['classes']
            if name != 'face'
        ),
        palette=[color for color in MSRC21Dataset.METAINFO['palette'] if color != [192, 128, 0]],
    )
    RENAMED = dict(face='person', body='person')

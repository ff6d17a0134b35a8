"""SYNTHIA."""

from mmseg.registry import DATASETS

from .synthetic_urban import MASK_FOLDER, SyntheticUrbanDataset


@DATASETS.register_module()
class SYNTHIADataset(SyntheticUrbanDataset):
    """SYNTHIA-RAND-CITYSCAPES, 9,400 images of 1280x760, 16 of Cityscapes' classes, void 255.

    Layout below ``data_root`` (the unpacked ``RAND_CITYSCAPES``): ``RGB/<id>.png``,
    ``GT/LABELS/<id>.png`` as published (16 bits, classes in the first of three channels), and
    ``labels_train_ids/<id>.png``, which
    ``les convert synthia DATA_ROOT`` writes.

    The masks hold Cityscapes' train ids like those of the other datasets. The classes that
    SYNTHIA lacks, terrain, truck and train, are left out of ``classes``, so labels in memory run
    from 0 to 15. Give the target the same ``metainfo``.

    Args:
        metainfo (dict, optional): With other ``classes``, such as all 19.
        **kwargs: Of :class:`SyntheticUrbanDataset`.
    """

    DATA_PREFIX = dict(img_path='RGB', seg_map_path=MASK_FOLDER)
    CONVERTER = 'synthia'
    CLASSES = tuple(
        name
        for name in SyntheticUrbanDataset.METAINFO['classes']
        if name not in ('terrain', 'truck', 'train')
    )

    def __init__(self, metainfo: dict | None = None, **kwargs) -> None:
        super().__init__(metainfo={'classes': self.CLASSES, **(metainfo or {})}, **kwargs)

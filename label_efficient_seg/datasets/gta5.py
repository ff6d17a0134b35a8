"""GTA5."""

from mmseg.registry import DATASETS

from .synthetic_urban import MASK_FOLDER, SyntheticUrbanDataset


@DATASETS.register_module()
class GTA5Dataset(SyntheticUrbanDataset):
    """GTA5 (Playing for Data), 24,966 images of 1914x1052, the 19 classes of Cityscapes, void 255.

    Layout below ``data_root``: ``images/<id>.png``, ``labels/<id>.png`` as published (Cityscapes
    label ids with a palette), and ``labels_train_ids/<id>.png``, which
    ``les convert gta5 DATA_ROOT`` writes.

    Arguments are those of :class:`SyntheticUrbanDataset`.
    """

    DATA_PREFIX = dict(img_path='images', seg_map_path=MASK_FOLDER)
    CONVERTER = 'gta5'

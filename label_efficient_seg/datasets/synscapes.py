"""Synscapes."""

from mmseg.registry import DATASETS

from .synthetic_urban import MASK_FOLDER, SyntheticUrbanDataset


@DATASETS.register_module()
class SynscapesDataset(SyntheticUrbanDataset):
    """Synscapes, 25,000 images of 1440x720, the 19 classes of Cityscapes, void 255.

    Layout below ``data_root``: ``img/rgb/<number>.png``, ``img/class/<number>.png`` as published
    (Cityscapes label ids), and ``labels_train_ids/<number>.png``, which
    ``les convert synscapes DATA_ROOT`` writes.

    Arguments are those of :class:`SyntheticUrbanDataset`.
    """

    DATA_PREFIX = dict(img_path='img/rgb', seg_map_path=MASK_FOLDER)
    CONVERTER = 'synscapes'

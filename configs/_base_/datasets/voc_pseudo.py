# PASCAL VOC 2012 with the pseudo masks of les masks for its 10,582 augmented
# training images, and VOC's own masks for validation. The environment variable PSEUDO_MASKS names
# the folder; a pipeline sets data_prefix.seg_map_path itself.
_base_ = './voc_semi.py'
import pathlib

# Absolute, as folders would start in the dataset's own.
pseudo_masks = str(pathlib.Path('{{$PSEUDO_MASKS:work_dirs/pseudo_masks/pseudo_masks}}').absolute())
labeled = _base_.train_dataloader.labeled
train_dataloader = dict(
    _delete_=True,
    labeled=dict(
        labeled,
        dataset=dict(
            labeled.dataset,
            data_prefix=dict(img_path='JPEGImages', seg_map_path=pseudo_masks),
            ann_file=_base_.train_list,
        ),
    ),
)

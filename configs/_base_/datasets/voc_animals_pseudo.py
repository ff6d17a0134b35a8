# The animals of PASCAL VOC 2012 with the pseudo masks of les masks for the 437
# training images, and VOC's own masks for validation; persons are void. The environment variable
# PSEUDO_MASKS names the folder; a pipeline sets data_prefix.seg_map_path itself.
_base_ = './voc_animals_semi.py'
import pathlib

# Absolute, as folders would start in the dataset's own.
pseudo_masks = str(pathlib.Path('{{$PSEUDO_MASKS:work_dirs/pseudo_masks/pseudo_masks}}').absolute())
metainfo = dict(classes=('background', 'cat', 'cow', 'dog', 'horse', 'sheep'))
labeled = _base_.train_dataloader.labeled
train_dataloader = dict(
    _delete_=True,
    labeled=dict(
        labeled,
        dataset=dict(
            labeled.dataset,
            data_prefix=dict(img_path='JPEGImages', seg_map_path=pseudo_masks),
            metainfo=metainfo,
            ann_file=_base_.train_list,
        ),
    ),
)
val_dataloader = dict(dataset=dict(metainfo=metainfo))
test_dataloader = dict(dataset=dict(metainfo=metainfo))

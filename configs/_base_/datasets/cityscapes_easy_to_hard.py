# Cityscapes, from its easy to its hard training images: what the entropy ranking wrote is below
# `ranking`. A pipeline sets ann_file and data_prefix.seg_map_path of the streams itself.
_base_ = './gta5_to_cityscapes.py'
import pathlib

# Absolute, as folders would start in data_root.
ranking = str(pathlib.Path('{{$RANKING_ROOT:work_dirs/ranking}}').absolute())
# Pseudo masks have the size of the images.
easy_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadCheckedAnnotations'),
    _base_.target_resize,
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    _delete_=True,
    easy=dict(
        _base_.train_dataloader.target,
        dataset=dict(
            type='SemiCityscapesDataset',
            data_root=_base_.data_root,
            data_prefix=dict(seg_map_path=f'{ranking}/pseudo_masks'),
            seg_map_suffix='.png',
            ann_file=f'{ranking}/easy.txt',
            pipeline=easy_pipeline,
        ),
    ),
    hard=dict(
        _base_.train_dataloader.target,
        dataset=dict(_base_.train_dataloader.target.dataset, ann_file=f'{ranking}/hard.txt'),
    ),
)

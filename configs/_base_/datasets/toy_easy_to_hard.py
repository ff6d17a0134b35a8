# Toy dataset in the target style, from its easy to its hard training images: what the entropy
# ranking wrote is below `ranking`. A pipeline sets ann_file and data_prefix.seg_map_path itself.
_base_ = './toy_source_to_target.py'
import pathlib

# Absolute, as folders would start in the dataset's own.
ranking = str(pathlib.Path('{{$RANKING_ROOT:work_dirs/ranking}}').absolute())
train_dataloader = dict(
    _delete_=True,
    easy=dict(
        _base_.train_dataloader.target,
        dataset=dict(
            type=_base_.dataset_type,
            style='target',
            data_prefix=dict(seg_map_path=f'{ranking}/pseudo_masks'),
            ann_file=f'{ranking}/easy.txt',
            pipeline=_base_.source_pipeline,
        ),
    ),
    hard=dict(
        _base_.train_dataloader.target,
        dataset=dict(_base_.train_dataloader.target.dataset, ann_file=f'{ranking}/hard.txt'),
    ),
)

# IntraDA on the toy domain pair, its third step: ADVENT, from the easy to the hard target images.
# What the ranking wrote is below RANKING_ROOT; workflow_toy.py runs all steps.
_base_ = './deeplabv2_r18_toy_advent.py'
import pathlib

# Absolute, as folders would start in the dataset's own.
ranking = str(pathlib.Path('{{$RANKING_ROOT:work_dirs/ranking}}').absolute())
model = dict(type='IntraDA')
target = _base_.train_dataloader.target
train_dataloader = dict(
    _delete_=True,
    easy=dict(
        target,
        dataset=dict(
            type=target.dataset.type,
            style='target',
            data_prefix=dict(seg_map_path=f'{ranking}/pseudo_masks'),
            ann_file=f'{ranking}/easy.txt',
            pipeline=_base_.source_pipeline,
        ),
    ),
    hard=dict(target, batch_size=4, dataset=dict(target.dataset, ann_file=f'{ranking}/hard.txt')),
)
# Learning from predicted labels takes longer than from true ones.
train_cfg = dict(max_iters=450, val_interval=450)
default_hooks = dict(checkpoint=dict(interval=450))

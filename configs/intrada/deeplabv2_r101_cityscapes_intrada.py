# IntraDA at the paper's settings, its third step: ADVENT, from the easy to the hard Cityscapes
# images. What the ranking wrote is below RANKING_ROOT; workflow_cityscapes.py runs all steps.
_base_ = './deeplabv2_r101_gta5-to-cityscapes_advent.py'
import pathlib

# Absolute, as folders would start in data_root.
ranking = str(pathlib.Path('{{$RANKING_ROOT:work_dirs/ranking}}').absolute())
model = dict(type='IntraDA')
# Pseudo masks have the size of the images.
easy_pipeline = [*_base_.load_labeled, _base_.target_resize, dict(type='PackSegInputs')]
target = _base_.train_dataloader.target
train_dataloader = dict(
    _delete_=True,
    easy=dict(
        target,
        dataset=dict(
            type=target.dataset.type,
            data_root=target.dataset.data_root,
            data_prefix=dict(seg_map_path=f'{ranking}/pseudo_masks'),
            seg_map_suffix='.png',
            ann_file=f'{ranking}/easy.txt',
            pipeline=easy_pipeline,
        ),
    ),
    hard=dict(target, dataset=dict(target.dataset, ann_file=f'{ranking}/hard.txt')),
)

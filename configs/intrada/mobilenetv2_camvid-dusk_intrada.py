# IntraDA on real images with a CPU, its third step: ADVENT, from the easy to the hard images of
# CamVid at dusk. What the ranking wrote is below RANKING_ROOT; workflow_camvid-day-to-dusk.py runs
# all steps.
_base_ = './mobilenetv2_camvid-day-to-dusk_advent.py'
import pathlib

# Absolute, as folders would start in data_root.
ranking = str(pathlib.Path('{{$RANKING_ROOT:work_dirs/ranking}}').absolute())
model = dict(type='IntraDA')
target = _base_.train_dataloader.target
train_dataloader = dict(
    _delete_=True,
    easy=dict(
        target,
        dataset=dict(
            type=target.dataset.type,
            data_root=target.dataset.data_root,
            data_prefix=dict(seg_map_path=f'{ranking}/pseudo_masks'),
            ann_file=f'{ranking}/easy.txt',
            pipeline=_base_.source_pipeline,
        ),
    ),
    hard=dict(target, dataset=dict(target.dataset, ann_file=f'{ranking}/hard.txt')),
)

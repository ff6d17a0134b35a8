# IntraDA, to compare with: ADVENT from the easy to the hard images of IDD-Lite. What the ranking
# wrote is below RANKING_ROOT; workflow_camvid-to-idd-lite.py runs all steps.
_base_ = 'efficientnet-lite0_camvid-to-idd-lite_advent.py'
import pathlib

# Absolute, as folders would start in data_root.
ranking = str(pathlib.Path('{{$RANKING_ROOT:work_dirs/ranking}}').absolute())
model = dict(type='IntraDA')
adapted = _base_.train_dataloader.target
train_dataloader = dict(
    _delete_=True,
    easy=dict(
        adapted,
        dataset=dict(
            type=adapted.dataset.type,
            data_root=adapted.dataset.data_root,
            data_prefix=dict(seg_map_path=f'{ranking}/pseudo_masks'),
            ann_file=f'{ranking}/easy.txt',
            pipeline=_base_.source_pipeline,
        ),
    ),
    hard=dict(adapted, dataset=dict(adapted.dataset, ann_file=f'{ranking}/hard.txt')),
)

# SYNTHIA -> Cityscapes, the 16 classes that both have; evaluated on all of them and on 13.
_base_ = './gta5_to_cityscapes.py'
source_root = '{{$SYNTHIA_ROOT:data/synthia}}'
classes = (
    'road', 'sidewalk', 'building', 'wall', 'fence', 'pole', 'traffic light', 'traffic sign',
    'vegetation', 'sky', 'person', 'rider', 'car', 'bus', 'motorcycle', 'bicycle',
)  # fmt: skip
# Terrain, truck and train become void in all streams, and in evaluation.
metainfo = dict(classes=classes)
# Images keep their size, 1280x760.
source_pipeline = [*_base_.load_labeled, dict(type='PackSegInputs')]
train_dataloader = dict(
    source=dict(
        dataset=dict(
            type='SYNTHIADataset',
            data_root=source_root,
            metainfo=metainfo,
            pipeline=source_pipeline,
        )
    ),
    target=dict(dataset=dict(metainfo=metainfo)),
)
val_dataloader = dict(dataset=dict(metainfo=metainfo))
test_dataloader = val_dataloader
# Earlier works evaluate without the classes that are hardest for them; papers report both.
val_evaluator = dict(
    type='SubsetIoUMetric',
    subsets=dict(mIoU13=[name for name in classes if name not in ('wall', 'fence', 'pole')]),
)
test_evaluator = val_evaluator

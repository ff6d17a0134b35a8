# Toy dataset with the scores of les scores for its 1,000 training images, from
# which AffinityNet learns. The environment variable AFFINITY_SCORES names their folder; a pipeline
# sets data_prefix.seg_map_path itself.
_base_ = []
import pathlib

dataset_type = 'ToyDataset'
# The target style is not used.
spec = dict(num_train=1000, num_target_train=1, num_target_val=1)
# Absolute, as folders would start in the dataset's own.
scores = str(pathlib.Path('{{$AFFINITY_SCORES:work_dirs/affinity_scores/scores}}').absolute())
crop_size = (112, 112)
batch_size = 8

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAffinityScores'),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='AffinityTarget', crop_size=crop_size, stride=4),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs'),
]

train_dataloader = dict(
    labeled=dict(
        batch_size=batch_size,
        num_workers=1,
        persistent_workers=True,
        sampler=dict(type='InfiniteSampler', shuffle=True),
        dataset=dict(
            type=dataset_type,
            split='train',
            spec=spec,
            data_prefix=dict(seg_map_path=scores),
            seg_map_suffix='.npz',
            pipeline=train_pipeline,
        ),
    ),
)
# Images for which les masks writes masks, and compares them with their own.
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type=dataset_type, split='train', spec=spec, pipeline=test_pipeline),
)
test_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])

# What the datasets here share: each of their streams is a dict of `train_dataloader` made of
# `loader`, and begins its pipeline with one of the two ways to load an image.
load_labeled = [dict(type='LoadImageFromFile'), dict(type='LoadCheckedAnnotations')]
load_unlabeled = [dict(type='LoadImageFromFile'), dict(type='LoadValidMask')]
loader = dict(persistent_workers=True, sampler=dict(type='InfiniteSampler', shuffle=True))
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs'),
]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale_factor=ratio, keep_ratio=True)
                for ratio in (0.5, 0.75, 1.0, 1.25, 1.5)
            ],
            [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)],
            [dict(type='LoadCheckedAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
tta_model = dict(type='SegTTAModel')

val_dataloader = dict(
    batch_size=1,  # images keep their own sizes
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator

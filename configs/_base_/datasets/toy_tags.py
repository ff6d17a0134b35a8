# Toy dataset with image-level labels: 1,000 training images, whose classes stand in the dataset's
# own image_labels.csv; masks are read for figures only. It is generated at first use.
dataset_type = 'ToyDataset'
# The target style is not used.
spec = dict(num_train=1000, num_target_train=1, num_target_val=1)
load_tags = dict(type='LoadImageTags', tags='image_labels.csv')
batch_size = 8

train_pipeline = [
    dict(type='LoadImageFromFile'),
    load_tags,
    dict(type='RandomCrop', crop_size=(113, 113)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmpretrain.PackInputs'),
]
val_pipeline = [dict(type='LoadImageFromFile'), load_tags, dict(type='mmpretrain.PackInputs')]
cam_pipeline = [
    dict(type='LoadImageFromFile'),
    load_tags,
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs', meta_keys=('img_path', 'ori_shape', 'img_shape', 'image_labels')),
]

train_dataloader = dict(
    tagged=dict(
        batch_size=batch_size,
        num_workers=1,
        persistent_workers=True,
        sampler=dict(type='InfiniteSampler', shuffle=True),
        dataset=dict(
            type=dataset_type,
            split='train',
            spec=spec,
            labeled=False,
            pipeline=train_pipeline,
        ),
    ),
)
val_dataloader = dict(
    batch_size=10,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        split='val',
        spec=spec,
        labeled=False,
        pipeline=val_pipeline,
    ),
)
# Images whose CAMs are made, and compared with their masks: for `model.type=CAMSegmentor`.
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type=dataset_type, split='train', spec=spec, pipeline=cam_pipeline),
)

val_evaluator = [
    dict(type='mmpretrain.AveragePrecision'),
    dict(type='mmpretrain.MultiLabelMetric', thr=0.5),
]
test_evaluator = [dict(type='CAMIoUMetric')]

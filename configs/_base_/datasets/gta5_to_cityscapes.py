# GTA5 -> Cityscapes, 19 classes: the source has masks, the target's training images have none.
source_root = '{{$GTA5_ROOT:data/gta5}}'
data_root = '{{$CITYSCAPES_ROOT:data/cityscapes}}'  # of the target

# Whole images, neither cropped nor flipped. ADVENT's released code interpolates with Pillow too.
resize = dict(type='Resize', keep_ratio=False, interpolation='bicubic', backend='pillow')
target_resize = dict(resize, scale=(1024, 512))  # width, height
source_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadCheckedAnnotations'),
    dict(resize, scale=(1280, 720)),
    dict(type='PackSegInputs'),
]
target_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadValidMask'),
    target_resize,
    dict(type='PackSegInputs'),
]
# Masks are loaded after resizing: predictions are brought to the size of the full masks.
test_pipeline = [
    dict(type='LoadImageFromFile'),
    target_resize,
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
                for ratio in (0.375, 0.5, 0.625, 0.75)
            ],
            [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)],
            [dict(type='LoadCheckedAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
tta_model = dict(type='SegTTAModel')

train_dataloader = dict(
    source=dict(
        batch_size=1,
        num_workers=4,
        persistent_workers=True,
        sampler=dict(type='InfiniteSampler', shuffle=True),
        dataset=dict(
            type='GTA5Dataset',
            data_root=source_root,
            # Written by tools/dataset_converters/to_train_ids.py: all images with a mask.
            ann_file='labels_train_ids.txt',
            pipeline=source_pipeline,
        ),
    ),
    target=dict(
        batch_size=1,
        num_workers=4,
        persistent_workers=True,
        sampler=dict(type='InfiniteSampler', shuffle=True),
        dataset=dict(
            type='SemiCityscapesDataset',
            data_root=data_root,
            ann_file='splits/cityscapes/train.txt',
            labeled=False,
            pipeline=target_pipeline,
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='SemiCityscapesDataset',
        data_root=data_root,
        data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'),
        ann_file='splits/cityscapes/val.txt',
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator

# The animals of PASCAL VOC 2012: the 437 training and 445 validation images of VOC itself that
# show a cat, cow, dog, horse or sheep; 1/8 of the training images labeled. Other classes of
# these images are void. Small enough for trying things on real images.
dataset_type = 'SemiVOCDataset'
data_root = '{{$VOC_ANIMALS_ROOT:data/VOCdevkit/VOC2012}}'
data_prefix = dict(img_path='JPEGImages', seg_map_path='SegmentationClass')
metainfo = dict(classes=('background', 'cat', 'cow', 'dog', 'horse', 'person', 'sheep'))
train_list = 'splits/voc_animals/train.txt'
labeled_list = 'splits/voc_animals/1_8/labeled.txt'
crop_size = (161, 161)  # height, width; 8 n + 1 for corners that stay aligned at stride 8

augmentation = [
    dict(type='RandomScale', ratio_range=(0.5, 1.5)),
    dict(type='RandomFlip', prob=0.5),
    # Cropping first and padding what is smaller gives the same crops as padding first.
    dict(type='RandomCrop', crop_size=crop_size),
    # Pads with the mean colour (BGR); `size` is (width, height).
    dict(type='Pad', size=crop_size[::-1], pad_val=dict(img=(104, 117, 123), seg=255)),
    dict(type='PackSegInputs'),
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadCheckedAnnotations'),
    *augmentation,
]
unlabeled_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadValidMask'),
    *augmentation,
]
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

train_dataloader = dict(
    labeled=dict(
        batch_size=8,
        num_workers=2,
        persistent_workers=True,
        sampler=dict(type='InfiniteSampler', shuffle=True),
        dataset=dict(
            type=dataset_type,
            data_root=data_root,
            data_prefix=data_prefix,
            metainfo=metainfo,
            ann_file=labeled_list,
            pipeline=train_pipeline,
        ),
    ),
    unlabeled=dict(
        batch_size=8,
        num_workers=2,
        persistent_workers=True,
        sampler=dict(type='InfiniteSampler', shuffle=True),
        dataset=dict(
            type=dataset_type,
            data_root=data_root,
            data_prefix=data_prefix,
            metainfo=metainfo,
            ann_file=train_list,
            exclude=labeled_list,
            labeled=False,
            pipeline=unlabeled_pipeline,
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,  # images keep their own sizes
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=data_prefix,
        metainfo=metainfo,
        ann_file='splits/voc_animals/val.txt',
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator

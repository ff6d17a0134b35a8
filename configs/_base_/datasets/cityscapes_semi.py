# Cityscapes, 1/8 of the 2,975 finely annotated training images labeled.
# Another fraction: set `labeled_list`, see splits/README.md.
_base_ = './streams.py'
dataset_type = 'SemiCityscapesDataset'
data_root = '{{$CITYSCAPES_ROOT:data/cityscapes}}'
data_prefix = dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train')
val_prefix = dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val')
train_list = 'splits/cityscapes/train.txt'
labeled_list = 'splits/cityscapes/1_8/labeled.txt'
val_list = 'splits/cityscapes/val.txt'
image_scale = (1024, 512)  # width, height
batch_size = 2  # of each stream
num_workers = 4

# The paper halves the images and neither scales nor crops them at random. To train on crops of
# full resolution instead, put RandomScale and RandomCrop(crop_size=(512, 1024)) for Resize.
augmentation = [
    dict(type='Resize', scale=image_scale, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_pipeline = [*_base_.load_labeled, *augmentation]
unlabeled_pipeline = [*_base_.load_unlabeled, *augmentation]
# Masks are loaded after resizing: predictions are brought to the size of the full masks.
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_scale, keep_ratio=False),
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

images = dict(type=dataset_type, data_root=data_root, data_prefix=data_prefix)
stream = dict(_base_.loader, batch_size=batch_size, num_workers=num_workers)
train_dataloader = dict(
    labeled=dict(stream, dataset=dict(images, ann_file=labeled_list, pipeline=train_pipeline)),
    unlabeled=dict(
        stream,
        dataset=dict(
            images,
            ann_file=train_list,
            exclude=labeled_list,
            labeled=False,
            pipeline=unlabeled_pipeline,
        ),
    ),
)
val_dataloader = dict(
    num_workers=num_workers,
    dataset=dict(images, data_prefix=val_prefix, ann_file=val_list, pipeline=test_pipeline),
)
test_dataloader = val_dataloader

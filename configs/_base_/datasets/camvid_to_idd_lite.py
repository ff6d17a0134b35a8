# From CamVid by day (577 images with masks) to IDD-Lite (400 without, 104 to evaluate), the 7
# classes of IDD-Lite. Small enough for a CPU.
_base_ = './streams.py'
source_root = '{{$CAMVID_ROOT:data/camvid}}'
target_root = '{{$IDD_LITE_ROOT:data/idd_lite}}'
image_scale = (160, 113)  # width, height
crop_size = (97, 129)  # height, width
batch_size = 4  # of each stream
num_workers = 1

resize = dict(type='Resize', scale=image_scale, keep_ratio=False)
augmentation = [
    resize,
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
source_pipeline = [*_base_.load_labeled, *augmentation]
target_pipeline = [*_base_.load_unlabeled, *augmentation]
# Masks are loaded after resizing: predictions are brought to the size of the full masks.
test_pipeline = [
    dict(type='LoadImageFromFile'),
    resize,
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs'),
]

target = dict(type='IDDLiteDataset', data_root=target_root)
stream = dict(_base_.loader, batch_size=batch_size, num_workers=num_workers)
train_dataloader = dict(
    source=dict(
        stream,
        dataset=dict(
            type='CamVidAsIDDLiteDataset',
            data_root=source_root,
            ann_file='splits/camvid/day_to_dusk/source.txt',
            pipeline=source_pipeline,
        ),
    ),
    target=dict(
        stream,
        dataset=dict(target, ann_file='train.txt', labeled=False, pipeline=target_pipeline),
    ),
)
val_dataloader = dict(
    num_workers=num_workers,
    dataset=dict(target, ann_file='val.txt', pipeline=test_pipeline),
)
test_dataloader = val_dataloader

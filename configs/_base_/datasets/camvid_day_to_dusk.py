# CamVid, from three sequences by day (577 images with masks) to one at dusk: its first half (62
# images) has no masks, its second half (62) is evaluated. Small enough for a CPU.
_base_ = './streams.py'
dataset_type = 'CamVidDataset'
data_root = '{{$CAMVID_ROOT:data/camvid}}'
crop_size = (241, 241)  # height, width; 8 n + 1 for corners that stay aligned at stride 8
batch_size = 4  # of each stream
num_workers = 2

augmentation = [
    dict(type='RandomScale', ratio_range=(0.5, 1.5)),
    dict(type='RandomFlip', prob=0.5),
    # Cropping first and padding what is smaller gives the same crops as padding first.
    dict(type='RandomCrop', crop_size=crop_size),
    # Pads with the mean colour (BGR); `size` is (width, height).
    dict(type='Pad', size=crop_size[::-1], pad_val=dict(img=(104, 117, 123), seg=255)),
    dict(type='PackSegInputs'),
]
source_pipeline = [*_base_.load_labeled, *augmentation]
target_pipeline = [*_base_.load_unlabeled, *augmentation]

images = dict(type=dataset_type, data_root=data_root)
stream = dict(_base_.loader, batch_size=batch_size, num_workers=num_workers)
train_dataloader = dict(
    source=dict(
        stream,
        dataset=dict(
            images, ann_file='splits/camvid/day_to_dusk/source.txt', pipeline=source_pipeline
        ),
    ),
    target=dict(
        stream,
        dataset=dict(
            images,
            ann_file='splits/camvid/day_to_dusk/target.txt',
            labeled=False,
            pipeline=target_pipeline,
        ),
    ),
)
val_dataloader = dict(
    num_workers=num_workers,
    dataset=dict(
        images, ann_file='splits/camvid/day_to_dusk/target_val.txt', pipeline=_base_.test_pipeline
    ),
)
test_dataloader = val_dataloader

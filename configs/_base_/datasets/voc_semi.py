# PASCAL VOC 2012 with the 10,582 augmented training images, 1/8 of them labeled.
# Another fraction: set `labeled_list`, see splits/README.md.
_base_ = './streams.py'
dataset_type = 'SemiVOCDataset'
data_root = '{{$VOC_ROOT:data/VOCdevkit/VOC2012}}'
data_prefix = dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug')
train_list = 'splits/voc/train_aug.txt'
labeled_list = 'splits/voc/1_8/labeled.txt'
val_list = 'splits/voc/val.txt'
crop_size = (321, 321)  # height, width
batch_size = 10  # of each stream
num_workers = 4

# The paper scales by 0.5 to 1.5; its code draws from 0.5, 0.6, ..., 1.6 instead, which is
# `RandomScale(ratio_range=(0.5, 1.6), step=0.1)`.
augmentation = [
    dict(type='RandomScale', ratio_range=(0.5, 1.5)),
    dict(type='RandomFlip', prob=0.5),
    # Cropping first and padding what is smaller gives the same crops as padding first.
    dict(type='RandomCrop', crop_size=crop_size),
    # Pads with the mean colour (BGR); `size` is (width, height).
    dict(type='Pad', size=crop_size[::-1], pad_val=dict(img=(104, 117, 123), seg=255)),
    dict(type='PackSegInputs'),
]
train_pipeline = [*_base_.load_labeled, *augmentation]
unlabeled_pipeline = [*_base_.load_unlabeled, *augmentation]

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
    dataset=dict(images, ann_file=val_list, pipeline=_base_.test_pipeline),
)
test_dataloader = val_dataloader

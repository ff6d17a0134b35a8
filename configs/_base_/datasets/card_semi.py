# The images of a data card, some of them labeled; `les new semi` writes what inherits from this.
_base_ = './streams.py'
card = 'data.yaml'
train_list = 'train.txt'
labeled_list = 'labeled.txt'
val_list = 'val.txt'
image_scale = (512, 512)  # width and height of the box that images are resized to fit in
crop_size = (321, 321)  # height, width
batch_size = 8  # of each stream
num_workers = 2

augmentation = [
    dict(type='RandomResize', scale=image_scale, ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    # Cropping first and padding what is smaller gives the same crops as padding first.
    dict(type='RandomCrop', crop_size=crop_size),
    # Pads with the mean colour (BGR); `size` is (width, height).
    dict(type='Pad', size=crop_size[::-1], pad_val=dict(img=(104, 117, 123), seg=255)),
]
train_pipeline = [*_base_.load_labeled, *augmentation, dict(type='PackSegInputs')]
unlabeled_pipeline = [*_base_.load_unlabeled, *augmentation, dict(type='PackSegInputs')]
strong_views_pipeline = [*_base_.load_unlabeled, *augmentation, dict(type='PackStrongViews')]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_scale, keep_ratio=True),
    # The mask keeps its size, to which predictions are resized.
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs'),
]

images = dict(type='CardDataset', card=card)
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
    dataset=dict(images, ann_file=val_list, pipeline=test_pipeline),
)
test_dataloader = val_dataloader

# The images of two data cards with the same classes: masks of the source, photos of the target.
# `les new adapt` writes what inherits from this.
_base_ = './streams.py'
source_card = 'source.yaml'
target_card = 'target.yaml'
source_list = 'source.txt'
target_list = 'target.txt'
val_list = 'val.txt'
image_scale = (512, 512)  # width and height of the box that images are resized to fit in
crop_size = (321, 321)  # height, width
batch_size = 4  # of each stream
num_workers = 2

# What is smaller than a crop is padded by the data preprocessor, which knows what it pads.
augmentation = [
    dict(type='RandomResize', scale=image_scale, ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='PackSegInputs'),
]
source_pipeline = [*_base_.load_labeled, *augmentation]
target_pipeline = [*_base_.load_unlabeled, *augmentation]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_scale, keep_ratio=True),
    # The mask keeps its size, to which predictions are resized.
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs'),
]

stream = dict(_base_.loader, batch_size=batch_size, num_workers=num_workers)
source_images = dict(type='CardDataset', card=source_card, ann_file=source_list)
target_images = dict(type='CardDataset', card=target_card, ann_file=target_list)
train_dataloader = dict(
    source=dict(stream, dataset=dict(source_images, pipeline=source_pipeline)),
    target=dict(stream, dataset=dict(target_images, labeled=False, pipeline=target_pipeline)),
)
val_dataloader = dict(
    num_workers=num_workers,
    dataset=dict(target_images, ann_file=val_list, pipeline=test_pipeline),
)
test_dataloader = val_dataloader

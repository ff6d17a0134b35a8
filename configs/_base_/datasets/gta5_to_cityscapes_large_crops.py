# GTA5 -> Cityscapes as HRDA reads them: crops of 1024x1024 of images of twice DAFormer's size.
_base_ = './gta5_to_cityscapes_crops.py'
crop_size = (1024, 1024)  # height, width
image_scale = (2048, 1024)  # width, height

source_pipeline = [
    *_base_.load_labeled,
    dict(type='Resize', scale=(2560, 1440)),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    *_base_.flip,
]
target_pipeline = [
    *_base_.load_unlabeled,
    dict(type='Resize', scale=image_scale),
    dict(type='IgnoreMargins', top=30, bottom=240, left=30, right=30),
    dict(type='RandomCrop', crop_size=crop_size),
    *_base_.flip,
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_scale),
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    source=dict(dataset=dict(pipeline=source_pipeline)),
    target=dict(dataset=dict(pipeline=target_pipeline)),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

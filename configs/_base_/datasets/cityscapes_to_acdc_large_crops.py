# Cityscapes -> ACDC as HRDA reads them: crops of 1024x1024 of images at full size.
_base_ = './cityscapes_to_acdc_crops.py'
crop_size = (1024, 1024)  # height, width
target_resize = dict(type='Resize', scale=(1920, 1080))

source_pipeline = [
    *_base_.load_labeled,
    dict(type='Resize', scale=(2048, 1024)),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    *_base_.flip,
]
target_pipeline = [
    *_base_.load_unlabeled,
    target_resize,
    dict(type='RandomCrop', crop_size=crop_size),
    *_base_.flip,
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    target_resize,
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    source=dict(dataset=dict(pipeline=source_pipeline)),
    target=dict(dataset=dict(pipeline=target_pipeline)),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

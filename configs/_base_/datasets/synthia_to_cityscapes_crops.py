# SYNTHIA -> Cityscapes, 16 classes, as DAFormer reads them: crops of 512x512.
_base_ = './synthia_to_cityscapes.py'
crop_size = (512, 512)  # height, width
batch_size = 2  # of each stream

flip = [dict(type='RandomFlip', prob=0.5), dict(type='PackSegInputs')]
source_pipeline = [
    *_base_.load_labeled,
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    *flip,
]
target_pipeline = [
    *_base_.load_unlabeled,
    dict(type='Resize', scale=_base_.image_scale),
    # Predictions there, of the sky and of the car with the camera, are not trusted.
    dict(type='IgnoreMargins', top=15, bottom=120),
    dict(type='RandomCrop', crop_size=crop_size),
    *flip,
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=_base_.image_scale),
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    source=dict(batch_size=batch_size, dataset=dict(pipeline=source_pipeline)),
    target=dict(batch_size=batch_size, dataset=dict(pipeline=target_pipeline)),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

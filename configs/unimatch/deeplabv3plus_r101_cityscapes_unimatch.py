# UniMatch on Cityscapes with the settings of its release: 1/8 of the labels, crops of 801, no
# threshold, and the hardest pixels of the labeled images; 240 passes over the unlabeled images.
_base_ = [
    '../_base_/models/deeplabv3plus_r101-d16.py',
    '../_base_/datasets/cityscapes_semi.py',
    '../_base_/schedules/advsemi_20k.py',
    '../_base_/methods/unimatch.py',
    '../_base_/default_runtime.py',
]
crop_size = (801, 801)  # height, width
batch_size = 8
augmentation = [
    dict(type='RandomScale', ratio_range=(0.5, 2.0)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='Pad', size=crop_size[::-1], pad_val=dict(img=0, seg=255)),
]
train_pipeline = [*_base_.load_labeled, *augmentation, dict(type='PackSegInputs')]
unlabeled_pipeline = [*_base_.load_unlabeled, *augmentation, dict(type='PackStrongViews')]
train_dataloader = dict(
    labeled=dict(batch_size=batch_size, dataset=dict(pipeline=train_pipeline)),
    unlabeled=dict(batch_size=batch_size, dataset=dict(pipeline=unlabeled_pipeline)),
)
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs'),
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

model = _base_.unimatch
model.update(
    confidence_threshold=0.0,
    decode_head=dict(
        num_classes=19,
        # 200,000 pixels in the two images of each of the release's four GPUs.
        sampler=dict(type='OHEMPixelSampler', thresh=0.7, min_kept=100000),
    ),
    test_cfg=dict(mode='slide', crop_size=crop_size, stride=(534, 534)),
)
optim_wrapper = dict(
    _delete_=True,
    constructor='MultiOptimWrapperConstructor',
    segmentor=dict(
        type='OptimWrapper',
        optimizer=dict(type='SGD', lr=5e-3, momentum=0.9, weight_decay=1e-4),
    ),
)
train_cfg = dict(max_iters=78000, val_interval=3900)

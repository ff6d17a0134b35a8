# UniMatch with the settings of its release: DeepLabv3+ ResNet-101 at output stride 16, 183 labeled
# images of VOC (1/8 of its own training set), 8 labeled and 8 unlabeled crops in an iteration, 80
# passes over the unlabeled images.
_base_ = [
    '../_base_/models/deeplabv3plus_r101-d16.py',
    '../_base_/datasets/voc_semi.py',
    '../_base_/schedules/advsemi_20k.py',
    '../_base_/methods/unimatch.py',
    '../_base_/default_runtime.py',
]
labeled_list = 'splits/voc/183/labeled.txt'
batch_size = 8
augmentation = [
    dict(type='RandomScale', ratio_range=(0.5, 2.0)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomCrop', crop_size=_base_.crop_size),
    dict(type='Pad', size=_base_.crop_size[::-1], pad_val=dict(img=0, seg=255)),
]
train_pipeline = [*_base_.load_labeled, *augmentation, dict(type='PackSegInputs')]
unlabeled_pipeline = [*_base_.load_unlabeled, *augmentation, dict(type='PackStrongViews')]
train_dataloader = dict(
    labeled=dict(
        batch_size=batch_size, dataset=dict(ann_file=labeled_list, pipeline=train_pipeline)
    ),
    unlabeled=dict(
        batch_size=batch_size, dataset=dict(exclude=labeled_list, pipeline=unlabeled_pipeline)
    ),
)

model = _base_.unimatch
optim_wrapper = dict(
    _delete_=True,
    constructor='MultiOptimWrapperConstructor',
    segmentor=dict(
        type='OptimWrapper',
        optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=1e-4),
        paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10))),
    ),
)
train_cfg = dict(max_iters=103920, val_interval=5196)

# UniMatch V2 with the settings of its release: DPT on DINOv2-S, 183 labeled images of VOC (1/8 of
# its own training set), 16 labeled and 16 unlabeled crops in an iteration, 60 passes over the
# unlabeled images.
_base_ = [
    '../_base_/models/dpt_dinov2-s.py',
    '../_base_/datasets/voc_semi.py',
    '../_base_/schedules/advsemi_20k.py',
    '../_base_/methods/unimatch.py',
    '../_base_/default_runtime.py',
]
labeled_list = 'splits/voc/183/labeled.txt'
batch_size = 16
crop_size = (518, 518)  # height, width: 37 patches of 14 pixels
augmentation = [
    dict(type='RandomScale', ratio_range=(0.5, 2.0)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='Pad', size=crop_size[::-1], pad_val=dict(img=0, seg=255)),
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

model = _base_.unimatch_v2
optim_wrapper = dict(
    _delete_=True,
    constructor='MultiOptimWrapperConstructor',
    segmentor=dict(
        type='OptimWrapper',
        optimizer=dict(type='AdamW', lr=5e-6, betas=(0.9, 0.999), weight_decay=0.01),
        paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=40))),
    ),
)
train_cfg = dict(max_iters=38940, val_interval=3894)
val_cfg = dict(type='TeacherValLoop')

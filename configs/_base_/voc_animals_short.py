# What the short runs on the animals of VOC share, see docs/evidence.md: images with a long side of
# 256 pixels, crops of 129, output stride 16, a constant rate, and the moving average of the weights
# for validation. Below 9 x 9 features, as these crops have, dilations of 18 and 24 would not be
# trained.
_base_ = [
    './models/deeplabv2_mobilenetv2-d8.py',
    './datasets/voc_animals_semi.py',
    './schedules/sgd_20k.py',
    './default_runtime.py',
]
model = dict(
    # Only the last stage and the head are trained: 55 images spoil the features of ImageNet.
    backbone=dict(output_stride=16, frozen_stages=6),
    decode_head=dict(dilations=(3, 6, 9, 12)),
)

crop_size = (129, 129)
crops = [
    dict(type='RandomScale', ratio_range=(0.5, 1.5)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='Pad', size=crop_size, pad_val=dict(img=(104, 117, 123), seg=255)),
]
train_pipeline = [*_base_.load_labeled, *crops, dict(type='PackSegInputs')]
unlabeled_pipeline = [*_base_.load_unlabeled, *crops, dict(type='PackSegInputs')]
train_dataloader = dict(
    labeled=dict(num_workers=1, dataset=dict(pipeline=train_pipeline)),
    unlabeled=dict(num_workers=1, dataset=dict(pipeline=unlabeled_pipeline)),
)
val_dataloader = dict(num_workers=0, persistent_workers=False)
test_dataloader = val_dataloader
val_evaluator = dict(
    type='SubsetIoUMetric',
    subsets={f'IoU_{name}': [name] for name in _base_.metainfo.classes},
)
test_evaluator = val_evaluator

optim_wrapper = dict(optimizer=dict(lr=3e-3), clip_grad=dict(max_norm=5))
param_scheduler = None
train_cfg = dict(max_iters=800, val_interval=400)
default_hooks = dict(checkpoint=dict(interval=400), logger=dict(interval=25))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='ChannelsLastHook'),
    dict(type='EMAHook', momentum=0.01, priority='ABOVE_NORMAL'),
]

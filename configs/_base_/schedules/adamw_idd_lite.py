# For fine-tuning a trained segmentor on few images: 100 iterations, in which the rate falls to 0.
optim_wrapper = dict(
    constructor='MultiOptimWrapperConstructor',
    segmentor=dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=3e-4, weight_decay=0.01)),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=10, by_epoch=False),
    dict(type='PolyLR', power=1.0, eta_min=0, begin=10, by_epoch=False),
]
train_cfg = dict(type='StreamIterTrainLoop', max_iters=100, val_interval=100)

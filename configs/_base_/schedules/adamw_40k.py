# AdamW with SegFormer's rates, a linear warm-up, and a linear fall to 0.
optim_wrapper = dict(
    constructor='MultiOptimWrapperConstructor',
    segmentor=dict(
        type='OptimWrapper',
        optimizer=dict(type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01),
        paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0)), norm_decay_mult=0.0),
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, begin=0, end=1500, by_epoch=False),
    dict(type='PolyLR', power=1.0, eta_min=0, begin=1500, end=40000, by_epoch=False),
]
train_cfg = dict(type='StreamIterTrainLoop', max_iters=40000, val_interval=4000)

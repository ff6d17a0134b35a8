# The segmentor's part of adversarial_toy.py, for methods with several streams, no discriminator.
optim_wrapper = dict(
    constructor='MultiOptimWrapperConstructor',
    segmentor=dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01)),
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)]
train_cfg = dict(type='StreamIterTrainLoop', max_iters=300, val_interval=150)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

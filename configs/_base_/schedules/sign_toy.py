# 300 iterations; Adam learns faster than SGD.
optim_wrapper = dict(
    constructor='MultiOptimWrapperConstructor',
    segmentor=dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01)),
    generator=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=3e-3)),
    discriminator=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3)),
)
# What the encoder gives the others keeps changing, so they must not stop before it does.
param_scheduler = dict(
    segmentor=[dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)],
    generator=[],
    discriminator=[],
)
train_cfg = dict(type='StreamIterTrainLoop', max_iters=300, val_interval=300)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

# SGD for the segmentor, Adam for the discriminators, both poly 0.9.
optim_wrapper = dict(
    constructor='MultiOptimWrapperConstructor',
    segmentor=dict(
        type='OptimWrapper',
        optimizer=dict(type='SGD', lr=2.5e-4, momentum=0.9, weight_decay=5e-4),
        paramwise_cfg=dict(
            custom_keys=dict(decode_head=dict(lr_mult=10), auxiliary_head=dict(lr_mult=10))
        ),
    ),
    discriminator=dict(
        type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99))
    ),
)
# Applied to each optimizer. The rates fall as if to 0 at 250k iterations; training stops at 120k.
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, end=250000, by_epoch=False)]
train_cfg = dict(type='StreamIterTrainLoop', max_iters=120000, val_interval=4000)

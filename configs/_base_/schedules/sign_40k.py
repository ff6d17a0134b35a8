# SGD for the encoder and the spatial information module, Adam for the others. The rates are those
# of CaGNet, on which the authors' code builds; SIGN's own are not published.
bias = {f'decode_head.convs.{index}.bias': dict(lr_mult=20, decay_mult=0) for index in range(4)}
steps = dict(
    type='MultiStepLR', by_epoch=False, milestones=list(range(10000, 40000, 5000)), gamma=0.71
)
optim_wrapper = dict(
    constructor='MultiOptimWrapperConstructor',
    segmentor=dict(
        type='OptimWrapper',
        optimizer=dict(type='SGD', lr=2.5e-4, momentum=0.9, weight_decay=5e-4),
        paramwise_cfg=dict(
            custom_keys=dict(
                decode_head=dict(lr_mult=10), spatial_information=dict(lr_mult=5), **bias
            )
        ),
    ),
    generator=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=2e-4)),
    discriminator=dict(
        type='OptimWrapper', optimizer=dict(type='Adam', lr=2.5e-4, weight_decay=5e-4)
    ),
)
param_scheduler = dict(
    segmentor=[dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)],
    generator=[steps],
    discriminator=[steps],
)
train_cfg = dict(type='StreamIterTrainLoop', max_iters=40000, val_interval=5000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

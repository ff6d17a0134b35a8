# SGD for the encoder and the spatial information module, Adam for the others. The rates are those
# of CaGNet, on which the authors' code builds; SIGN's own are not published.
bias = {f'decode_head.convs.{index}.bias': dict(lr_mult=20, decay_mult=0) for index in range(4)}
# In the release, these convolutions of the spatial information module learn at the backbone's rate.
scale_weights = {
    f'spatial_information.{block}.scales': dict(lr_mult=1) for block in ('positional', 'contextual')
}
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
                decode_head=dict(lr_mult=10),
                spatial_information=dict(lr_mult=5),
                **scale_weights,
                **bias,
            )
        ),
    ),
    generator=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=2e-4)),
    discriminator=dict(
        type='OptimWrapper', optimizer=dict(type='Adam', lr=2.5e-4, weight_decay=5e-4)
    ),
)
# Of the self-training step, for every dataset.
self_training_steps = dict(
    type='MultiStepLR', by_epoch=False, milestones=list(range(5000, 10000, 1000)), gamma=0.3
)
# Of the training step, for Context and for the discriminator of COCO-Stuff.
coarse_steps = dict(
    type='MultiStepLR', by_epoch=False, milestones=list(range(10000, 40000, 10000)), gamma=0.3
)
# The release lowers the segmentor's rate every 10 iterations only, every 100 for COCO-Stuff.
param_scheduler = dict(
    segmentor=[dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)],
    generator=[steps],
    discriminator=[steps],
)
train_cfg = dict(type='StreamIterTrainLoop', max_iters=40000, val_interval=5000)

# SGD for the segmentor, as in sgd_20k.py, and Adam for the discriminator. The scheduler is applied
# to each of them.
_base_ = './sgd_20k.py'
optim_wrapper = dict(
    _delete_=True,
    constructor='MultiOptimWrapperConstructor',
    segmentor=_base_.optim_wrapper,
    discriminator=dict(
        type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99))
    ),
)

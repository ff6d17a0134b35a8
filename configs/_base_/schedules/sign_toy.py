# The optimizer of toy.py for the segmentor, and Adam for the others.
_base_ = './toy.py'
optim_wrapper = dict(
    _delete_=True,
    constructor='MultiOptimWrapperConstructor',
    segmentor=_base_.optim_wrapper,
    generator=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=3e-3)),
    discriminator=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3)),
)
# What the encoder gives the others keeps changing, so they must not stop before it does.
param_scheduler = dict(
    _delete_=True, segmentor=_base_.param_scheduler, generator=[], discriminator=[]
)
train_cfg = dict(val_interval=300)

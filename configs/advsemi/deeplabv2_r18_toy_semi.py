# AdvSemiSeg on the built-in toy dataset, 1/8 of the labels: about two minutes on two CPU cores.
_base_ = [
    '../_base_/models/deeplabv2_toy.py',
    '../_base_/datasets/toy.py',
    '../_base_/schedules/advsemi_20k.py',
    '../_base_/methods/advsemi.py',
    '../_base_/default_runtime.py',
]
model = _base_.advsemi
model.update(semi_start=150)
model.discriminator.network.update(channels=16)
optim_wrapper = dict(
    segmentor=dict(
        optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=5e-4),
        paramwise_cfg=dict(_delete_=True),
    ),
    discriminator=dict(optimizer=dict(lr=1e-3)),
)
train_cfg = dict(max_iters=500, val_interval=250)
default_hooks = dict(checkpoint=dict(interval=250), logger=dict(interval=25))

# AdvSemiSeg on the built-in toy dataset, 1/8 of the labels: two minutes on two CPU cores.
_base_ = [
    '../_base_/models/deeplabv2_toy.py',
    '../_base_/datasets/toy.py',
    '../_base_/schedules/advsemi_toy.py',
    '../_base_/methods/advsemi.py',
    '../_base_/default_runtime.py',
]
model = _base_.advsemi
model.update(semi_start=100)
model.discriminator.network.update(channels=16)
default_hooks = dict(
    checkpoint=dict(interval=200), logger=dict(interval=25), visualization=dict(draw=True)
)

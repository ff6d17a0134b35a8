# AdvSemiSeg on the built-in toy dataset, 1/8 of the labels: two to three minutes on a CPU core.
_base_ = [
    '../_base_/models/deeplabv2_toy.py',
    '../_base_/datasets/toy.py',
    '../_base_/schedules/adversarial_toy.py',
    '../_base_/methods/advsemi.py',
    '../_base_/default_runtime.py',
]
model = _base_.advsemi
# Crops of 113 pixels would leave the paper's discriminator 3x3 logits.
model.discriminator.network.update(channels=16, strides=(2, 2, 2, 1, 1))
# In 300 iterations, instead of 20,000, D learns little at the paper's rate of 1e-4, and the
# self-taught term moves little at the paper's weight of 0.1.
model.update(semi_start=75, lambda_semi=1.0)
optim_wrapper = dict(discriminator=dict(optimizer=dict(lr=1e-3)))
default_hooks = dict(
    checkpoint=dict(interval=150), logger=dict(interval=25), visualization=dict(draw=True)
)

# AdvSemiSeg on the built-in toy dataset, 1/8 of the labels: two to three minutes on a CPU core.
_base_ = [
    '../_base_/models/deeplabv2_toy.py',
    '../_base_/datasets/toy.py',
    '../_base_/schedules/advsemi_toy.py',
    '../_base_/methods/advsemi.py',
    '../_base_/default_runtime.py',
]
model = _base_.advsemi
# Crops of 112 pixels would leave the paper's discriminator 3x3 logits.
model.discriminator.network.update(channels=16, strides=(2, 2, 2, 1, 1))
# A network without pre-training learns its 40 labeled images by heart. Their predictions soon look
# real, so D has to see those of unlabeled images too (as in the released code) to learn what a
# wrong one looks like, and the unlabeled terms weigh more than the paper's 0.001 and 0.1.
model.update(
    discriminate_unlabeled=True, lambda_adv_unlabeled=0.01, lambda_semi=0.5, semi_start=100
)
default_hooks = dict(
    checkpoint=dict(interval=200), logger=dict(interval=25), visualization=dict(draw=True)
)

# AdvSemiSeg on real images with a CPU: MobileNetV2, the animals of VOC, 1/8 of the labels.
_base_ = ['../_base_/voc_animals_short.py', '../_base_/methods/advsemi.py']
model = _base_.advsemi
# Crops of 129 pixels would leave the paper's discriminator 4 x 4 logits, and its 64 channels cost
# more than the segmentor.
model.discriminator.network.update(channels=16, strides=(2, 2, 2, 1, 1))
# D learns little at the paper's rate of 1e-4 in so few iterations.
model.update(adv_start=50, semi_start=100, lambda_semi=1.0)
optim_wrapper = dict(
    _delete_=True,
    constructor='MultiOptimWrapperConstructor',
    segmentor=_base_.optim_wrapper,
    discriminator=dict(
        type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3, betas=(0.9, 0.99))
    ),
)

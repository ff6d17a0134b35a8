# AdvSemiSeg on the animals of VOC with the rates, weights and quarters of its paper: from ImageNet,
# all stages trained, rates that fall to 0, the self-taught term after a quarter of the iterations.
_base_ = './mobilenetv2_voc-animals_semi.py'
model = dict(
    backbone=dict(frozen_stages=-1),
    adv_start=0,
    semi_start=200,
    lambda_semi=0.1,
)
optim_wrapper = dict(
    segmentor=dict(optimizer=dict(lr=2.5e-4), clip_grad=None),
    discriminator=dict(optimizer=dict(lr=1e-4)),
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)]

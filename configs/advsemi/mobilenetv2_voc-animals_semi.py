# AdvSemiSeg on real images with a CPU: MobileNetV2, the animals of VOC, 1/8 of the labels.
_base_ = [
    '../_base_/models/deeplabv2_mobilenetv2-d8.py',
    '../_base_/datasets/voc_animals_semi.py',
    '../_base_/schedules/advsemi_20k.py',
    '../_base_/methods/advsemi.py',
    '../_base_/default_runtime.py',
]
model = _base_.advsemi
model.update(semi_start=100)
optim_wrapper = dict(segmentor=dict(optimizer=dict(lr=1e-3), clip_grad=dict(max_norm=5)))
# Validating the 445 images takes a few minutes on a CPU, so it is done once, at the end.
train_cfg = dict(max_iters=400, val_interval=400)
default_hooks = dict(checkpoint=dict(interval=400), logger=dict(interval=25))

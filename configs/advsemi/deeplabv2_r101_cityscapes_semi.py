# AdvSemiSeg on Cityscapes, 1/8 of the labels: 512x1024 crops, 2 + 2 images, 40k iterations.
_base_ = [
    '../_base_/models/deeplabv2_r101-d8.py',
    '../_base_/datasets/cityscapes_semi.py',
    '../_base_/schedules/advsemi_20k.py',
    '../_base_/methods/advsemi.py',
    '../_base_/default_runtime.py',
]
model = _base_.advsemi
model.decode_head = dict(num_classes=19)
train_cfg = dict(max_iters=40000, val_interval=4000)
default_hooks = dict(checkpoint=dict(interval=4000))

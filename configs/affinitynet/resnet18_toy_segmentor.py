# The segmentation network that learns from AffinityNet's pseudo masks, on the built-in toy dataset.
# Initial weights as in resnet18_toy_affinity.py.
_base_ = [
    '../_base_/models/resnet18_toy.py',
    '../_base_/datasets/toy_pseudo.py',
    '../_base_/schedules/toy.py',
    '../_base_/methods/affinitynet.py',
    '../_base_/default_runtime.py',
]
model = _base_.largefov
model.backbone = dict(init_cfg=dict(checkpoint='work_dirs/resnet18_toy_cls/iter_600.pth'))
# Images of 128 pixels are smaller than what dilation 12 sees at stride 8.
model.decode_head.update(in_channels=256, in_index=3, channels=64, dilation=2, num_classes=7)
train_cfg = dict(max_iters=600, val_interval=600)
default_hooks = dict(checkpoint=dict(interval=600), logger=dict(interval=25))

# The segmentation network that learns from AffinityNet's pseudo masks, on the built-in toy dataset.
_base_ = [
    '../_base_/models/largefov_resnet18_toy.py',
    '../_base_/datasets/toy_pseudo.py',
    '../_base_/schedules/toy.py',
    '../_base_/default_runtime.py',
]
train_cfg = dict(max_iters=600, val_interval=600)
default_hooks = dict(checkpoint=dict(interval=600), logger=dict(interval=25))

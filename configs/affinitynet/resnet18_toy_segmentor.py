# The segmentation network that learns from AffinityNet's pseudo masks, on the built-in toy dataset.
_base_ = [
    '../_base_/models/largefov_resnet18_toy.py',
    '../_base_/datasets/toy_pseudo.py',
    '../_base_/schedules/toy.py',
    '../_base_/default_runtime.py',
]
default_hooks = dict(checkpoint=dict(interval=150), logger=dict(interval=25))

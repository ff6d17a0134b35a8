# AffinityNet on the built-in toy dataset.
_base_ = [
    '../_base_/models/affinity_resnet18_toy.py',
    '../_base_/datasets/toy_affinity.py',
    '../_base_/schedules/affinity_toy.py',
    '../_base_/default_runtime.py',
]
default_hooks = dict(checkpoint=dict(interval=300), logger=dict(interval=25))

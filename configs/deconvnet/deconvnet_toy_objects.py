# DeconvNet on the built-in toy dataset, its first stage: single objects in the middle of a crop.
_base_ = [
    '../_base_/models/deconvnet_toy.py',
    '../_base_/datasets/toy_object_crops.py',
    '../_base_/schedules/deconvnet_toy.py',
    '../_base_/default_runtime.py',
]
default_hooks = dict(checkpoint=dict(interval=1000), logger=dict(interval=25))
custom_hooks = [*_base_.custom_hooks, dict(type='PreciseBNHook', num_samples=512)]

# A classifier of image-level labels on the built-in toy dataset, trained from scratch: three to
# four minutes on a CPU core.
_base_ = [
    '../_base_/models/cam_resnet18_toy.py',
    '../_base_/datasets/toy_tags.py',
    '../_base_/schedules/cam_toy.py',
    '../_base_/default_runtime.py',
]
default_hooks = dict(checkpoint=dict(interval=600), logger=dict(interval=25))

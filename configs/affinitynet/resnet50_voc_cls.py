# AffinityNet's classification network with the usual backbone of later works, ResNet-50.
_base_ = [
    '../_base_/models/cam_resnet50.py',
    '../_base_/datasets/voc_tags.py',
    '../_base_/schedules/cam_10k.py',
    '../_base_/default_runtime.py',
]
default_hooks = dict(checkpoint=dict(interval=1983))

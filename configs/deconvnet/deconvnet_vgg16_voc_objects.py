# DeconvNet on PASCAL VOC 2012, its first stage: single objects in the middle of a crop.
_base_ = [
    '../_base_/models/deconvnet_vgg16.py',
    '../_base_/datasets/voc_object_crops.py',
    '../_base_/schedules/deconvnet_20k.py',
    '../_base_/default_runtime.py',
]
default_hooks = dict(checkpoint=dict(interval=16000))
custom_hooks = [*_base_.custom_hooks, dict(type='PreciseBNHook')]

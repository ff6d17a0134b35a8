# AffinityNet's classification network at the settings of its release: ResNet-38, tags of VOC.
_base_ = [
    '../_base_/models/cam_resnet38.py',
    '../_base_/datasets/voc_tags.py',
    '../_base_/schedules/cam_10k.py',
    '../_base_/default_runtime.py',
]
default_hooks = dict(checkpoint=dict(interval=1983))

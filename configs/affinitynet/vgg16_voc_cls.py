# AffinityNet's classification network at the settings of its release: VGG-16, tags of VOC.
_base_ = [
    '../_base_/models/cam_vgg16.py',
    '../_base_/datasets/voc_tags.py',
    '../_base_/schedules/cam_10k.py',
    '../_base_/default_runtime.py',
]
default_hooks = dict(checkpoint=dict(interval=1983))

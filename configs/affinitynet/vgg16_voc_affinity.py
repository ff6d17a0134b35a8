# AffinityNet at the settings of its release: VGG-16, scores of the CRF for the training images of
# VOC.
_base_ = [
    '../_base_/models/affinity_vgg16.py',
    '../_base_/datasets/voc_affinity.py',
    '../_base_/schedules/affinity_10k.py',
    '../_base_/default_runtime.py',
]
default_hooks = dict(checkpoint=dict(interval=1322))

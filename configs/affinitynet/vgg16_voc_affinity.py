# AffinityNet at the settings of its release: VGG-16, scores of the CRF for the training images of
# VOC.
_base_ = [
    '../_base_/models/vgg16.py',
    '../_base_/datasets/voc_affinity.py',
    '../_base_/schedules/affinity_10k.py',
    '../_base_/methods/affinitynet.py',
    '../_base_/default_runtime.py',
]
model = dict(
    _base_.affinity,
    backbone=dict(fc6_dilation=4, out_indices=(3, 4, 5)),
    decode_head=dict(
        type='AffinityHead',
        in_channels=(512, 512, 1024),
        channels=(64, 128, 256),
        norm_cfg=dict(type='GN'),
    ),
)
val_cfg = None  # affinities alone have no metric to validate by
default_hooks = dict(checkpoint=dict(interval=1322))

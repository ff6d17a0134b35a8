# AffinityNet at the settings of its release: ResNet-38, scores of the CRF for the training images
# of VOC.
_base_ = [
    '../_base_/models/resnet38.py',
    '../_base_/datasets/voc_affinity.py',
    '../_base_/schedules/affinity_10k.py',
    '../_base_/methods/affinitynet.py',
    '../_base_/default_runtime.py',
]
model = dict(
    _base_.affinity,
    backbone=dict(out_indices=(2, 3, 5)),
    # The release's channels; the paper has (128, 256, 512).
    decode_head=dict(type='AffinityHead', in_channels=(512, 1024, 4096), channels=(64, 128, 256)),
)
val_cfg = None  # affinities alone have no metric to validate by
default_hooks = dict(checkpoint=dict(interval=1322))

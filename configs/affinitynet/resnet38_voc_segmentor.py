# The segmentation network on ResNet-38 that learns from AffinityNet's pseudo masks. Neither paper
# nor release gives its schedule; this is DeepLab's.
_base_ = [
    '../_base_/models/resnet38.py',
    '../_base_/datasets/voc_pseudo.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/methods/affinitynet.py',
    '../_base_/default_runtime.py',
]
model = _base_.largefov
model.backbone = dict(out_indices=(5,))
model.decode_head.update(in_channels=4096, in_index=0, num_classes=21)
optim_wrapper = dict(optimizer=dict(lr=1e-3))

# The segmentation network that learns from AffinityNet's pseudo masks on real images with a CPU:
# MobileNetV2, the animals of VOC.
_base_ = [
    '../_base_/models/mobilenetv2.py',
    '../_base_/datasets/voc_animals_pseudo.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/methods/affinitynet.py',
    '../_base_/default_runtime.py',
]
model = _base_.largefov
# A quarter of the paper's channels; stride and dilation fit the small crops.
model.backbone = dict(output_stride=16)
model.decode_head.update(in_channels=320, in_index=3, channels=128, dilation=6, num_classes=6)
optim_wrapper = dict(optimizer=dict(lr=1e-3), clip_grad=dict(max_norm=5))
# Validating the 445 images takes a few minutes on a CPU, so it is done once, at the end.
train_cfg = dict(max_iters=400, val_interval=400)
default_hooks = dict(checkpoint=dict(interval=400), logger=dict(interval=25))

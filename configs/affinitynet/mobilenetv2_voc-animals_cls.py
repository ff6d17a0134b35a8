# A classifier of image-level labels on real images with a CPU: MobileNetV2, the animals of VOC.
# Four to five minutes on a CPU core.
_base_ = [
    '../_base_/models/cam_mobilenetv2.py',
    '../_base_/datasets/voc_animals_tags.py',
    '../_base_/schedules/cam_10k.py',
    '../_base_/default_runtime.py',
]
# Several times as fast as at stride 8. The same weights give the same features at every stride,
# only at more positions, so CAMs can be made at a smaller one.
model = dict(backbone=dict(output_stride=32))
optim_wrapper = dict(optimizer=dict(lr=1e-3, momentum=0.9), clip_grad=dict(max_norm=5))
# Validation comes once, at the end.
train_cfg = dict(max_iters=400, val_interval=400)
default_hooks = dict(checkpoint=dict(interval=400), logger=dict(interval=25))

# A classifier of image-level labels on real images with a CPU: MobileNetV2, the animals of VOC.
# Four to five minutes on a CPU core. CAMs as in resnet38_voc_cls.py, with
# `model.backbone.output_stride=16 model.scales=1.0,0.5,1.5`: a stride of 8 and the scale 2 would
# take several times as long for a point or two.
_base_ = [
    '../_base_/models/mobilenetv2.py',
    '../_base_/datasets/voc_animals_tags.py',
    '../_base_/schedules/cam_10k.py',
    '../_base_/methods/affinitynet.py',
    '../_base_/default_runtime.py',
]
# Several times as fast as at stride 8. The same weights give the same features at every stride,
# only at more positions, so CAMs can be made at a smaller one.
model = dict(
    _base_.classifier,
    backbone=dict(output_stride=32, out_indices=(6,)),
    head=dict(type='CAMClsHead', in_channels=320, num_classes=5),
)
optim_wrapper = dict(optimizer=dict(lr=1e-3, momentum=0.9), clip_grad=dict(max_norm=5))
# Validation comes once, at the end.
train_cfg = dict(max_iters=400, val_interval=400)
default_hooks = dict(checkpoint=dict(interval=400), logger=dict(interval=25))

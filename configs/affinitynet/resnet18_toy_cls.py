# A classifier of image-level labels on the built-in toy dataset, trained from scratch, for the
# toy's initial weights have seen masks: three to four minutes on a CPU core. CAMs as in
# resnet38_voc_cls.py, with `model.scales=1.0,`: the toy's textures have one scale.
_base_ = [
    '../_base_/models/resnet18_toy.py',
    '../_base_/datasets/toy_tags.py',
    '../_base_/schedules/toy.py',
    '../_base_/methods/affinitynet.py',
    '../_base_/default_runtime.py',
]
model = dict(
    _base_.classifier,
    backbone=dict(out_indices=(3,), init_cfg=None),
    # Small networks learn slowly under the usual dropout of 0.5.
    head=dict(type='CAMClsHead', in_channels=256, num_classes=6, dropout=0.2),
)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
train_cfg = dict(max_iters=600, val_interval=600)
default_hooks = dict(checkpoint=dict(interval=600), logger=dict(interval=25))

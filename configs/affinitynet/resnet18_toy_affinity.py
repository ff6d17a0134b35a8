# AffinityNet on the built-in toy dataset. Its initial weights are those of the trained classifier,
# as the toy knows no others that have not seen masks:
#     les train configs/affinitynet/resnet18_toy_cls.py
_base_ = [
    '../_base_/models/resnet18_toy.py',
    '../_base_/datasets/toy_affinity.py',
    '../_base_/schedules/toy.py',
    '../_base_/methods/affinitynet.py',
    '../_base_/default_runtime.py',
]
model = dict(
    _base_.affinity,
    backbone=dict(
        norm_eval=True,
        out_indices=(0, 1, 3),
        init_cfg=dict(checkpoint='work_dirs/resnet18_toy_cls/iter_600.pth'),
    ),
    decode_head=dict(type='AffinityHead', in_channels=(32, 64, 256), channels=(16, 32, 64)),
    stride=4,  # images of 128 pixels would have a grid of 16 x 16
)
val_cfg = None  # affinities alone have no metric to validate by
default_hooks = dict(checkpoint=dict(interval=300), logger=dict(interval=25))

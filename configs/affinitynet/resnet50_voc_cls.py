# AffinityNet's classification network with the usual backbone of later works, ResNet-50. CAMs as in
# resnet38_voc_cls.py.
_base_ = [
    '../_base_/models/resnet50.py',
    '../_base_/datasets/voc_tags.py',
    '../_base_/schedules/cam_10k.py',
    '../_base_/methods/affinitynet.py',
    '../_base_/default_runtime.py',
]
model = dict(
    _base_.classifier,
    backbone=dict(out_indices=(3,)),
    head=dict(type='CAMClsHead', in_channels=2048, num_classes=20),
)
default_hooks = dict(checkpoint=dict(interval=1983))

# AffinityNet's classification network at the settings of its release: VGG-16, tags of VOC. CAMs as
# in resnet38_voc_cls.py; the release takes square roots with VGG-16 only, `model.square_root=True`.
_base_ = [
    '../_base_/models/vgg16.py',
    '../_base_/datasets/voc_tags.py',
    '../_base_/schedules/cam_10k.py',
    '../_base_/methods/affinitynet.py',
    '../_base_/default_runtime.py',
]
model = dict(
    _base_.classifier,
    backbone=dict(out_indices=(5,)),
    head=dict(type='CAMClsHead', in_channels=1024, num_classes=20),
)
default_hooks = dict(checkpoint=dict(interval=1983))

# AffinityNet's classification network at the settings of its release: ResNet-38, tags of VOC. CAMs
# of what it trains: `--cfg-options model.type=CAMSegmentor` of les cams, and of
# les test for their mIoU alone.
_base_ = [
    '../_base_/models/resnet38.py',
    '../_base_/datasets/voc_tags.py',
    '../_base_/schedules/cam_10k.py',
    '../_base_/methods/affinitynet.py',
    '../_base_/default_runtime.py',
]
model = dict(
    _base_.classifier,
    backbone=dict(out_indices=(5,)),
    head=dict(type='CAMClsHead', in_channels=4096, num_classes=20),
)
default_hooks = dict(checkpoint=dict(interval=1983))

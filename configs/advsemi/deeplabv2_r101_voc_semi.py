# AdvSemiSeg as published: DeepLabv2 ResNet-101, VOC 2012 aug, 1/8 of the labels, 20k iterations of
# 10 labeled and 10 unlabeled images. The other configs of this folder inherit from it.
_base_ = [
    '../_base_/models/deeplabv2_r101-d8.py',
    '../_base_/datasets/voc_semi.py',
    '../_base_/schedules/advsemi_20k.py',
    '../_base_/methods/advsemi.py',
    '../_base_/default_runtime.py',
]
model = _base_.advsemi

# AdvSemiSeg on top of MMSeg's DeepLabv3+, whose auxiliary head keeps its supervised loss.
_base_ = [
    '../_base_/models/deeplabv3plus_r50-d8.py',
    '../_base_/datasets/voc_semi.py',
    '../_base_/schedules/advsemi_20k.py',
    '../_base_/methods/advsemi.py',
    '../_base_/default_runtime.py',
]
model = _base_.advsemi

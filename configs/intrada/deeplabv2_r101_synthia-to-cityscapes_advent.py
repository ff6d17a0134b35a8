# ADVENT, SYNTHIA to Cityscapes at the paper's settings.
_base_ = [
    '../_base_/models/deeplabv2_r101-d8_aux.py',
    '../_base_/datasets/synthia_to_cityscapes.py',
    '../_base_/schedules/advent_250k.py',
    '../_base_/methods/advent.py',
    '../_base_/default_runtime.py',
]
model = _base_.advent
model.update(decode_head=dict(num_classes=16), auxiliary_head=dict(num_classes=16))
default_hooks = dict(checkpoint=dict(interval=4000))

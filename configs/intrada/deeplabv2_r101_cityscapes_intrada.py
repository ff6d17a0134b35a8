# IntraDA at the paper's settings, its third step: from the easy to the hard Cityscapes images. The
# lists and pseudo masks are those of the ranking; workflow_gta2cityscapes.py runs all steps.
_base_ = [
    '../_base_/models/deeplabv2_r101-d8_aux.py',
    '../_base_/datasets/cityscapes_easy_to_hard.py',
    '../_base_/schedules/advent_250k.py',
    '../_base_/methods/intrada.py',
    '../_base_/default_runtime.py',
]
model = _base_.intrada
model.update(decode_head=dict(num_classes=19), auxiliary_head=dict(num_classes=19))
default_hooks = dict(checkpoint=dict(interval=4000))

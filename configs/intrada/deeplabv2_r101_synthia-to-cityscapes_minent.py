# MinEnt, SYNTHIA to Cityscapes: entropy minimisation without discriminators.
_base_ = [
    '../_base_/models/deeplabv2_r101-d8_aux.py',
    '../_base_/datasets/synthia_to_cityscapes.py',
    '../_base_/schedules/advent_250k.py',
    '../_base_/methods/minent.py',
    '../_base_/default_runtime.py',
]
model = _base_.minent
model.update(decode_head=dict(num_classes=16), auxiliary_head=dict(num_classes=16))
# There are no discriminators.
optim_wrapper = dict(
    _delete_=True,
    constructor=_base_.optim_wrapper.constructor,
    segmentor=_base_.optim_wrapper.segmentor,
)
default_hooks = dict(checkpoint=dict(interval=4000))

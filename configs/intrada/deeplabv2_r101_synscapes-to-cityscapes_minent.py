# MinEnt, Synscapes to Cityscapes: entropy minimisation without discriminators.
_base_ = [
    '../_base_/models/deeplabv2_r101-d8_aux.py',
    '../_base_/datasets/synscapes_to_cityscapes.py',
    '../_base_/schedules/minent_250k.py',
    '../_base_/methods/minent.py',
    '../_base_/default_runtime.py',
]
model = _base_.minent
model.update(
    decode_head=dict(num_classes=19),
    auxiliary_head=dict(num_classes=19),
)
default_hooks = dict(checkpoint=dict(interval=4000))

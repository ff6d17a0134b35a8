# MinEnt on the toy domain pair.
_base_ = [
    '../_base_/models/deeplabv2_toy_aux.py',
    '../_base_/datasets/toy_source_to_target.py',
    '../_base_/schedules/adversarial_toy.py',
    '../_base_/methods/minent.py',
    '../_base_/default_runtime.py',
]
model = _base_.minent
# There are no discriminators.
optim_wrapper = dict(
    _delete_=True,
    constructor=_base_.optim_wrapper.constructor,
    segmentor=_base_.optim_wrapper.segmentor,
)
train_cfg = dict(val_interval=300)
default_hooks = dict(
    checkpoint=dict(interval=300), logger=dict(interval=25), visualization=dict(draw=True)
)

# The baseline without adaptation: Synscapes alone, validated on Cityscapes.
_base_ = [
    '../_base_/models/deeplabv2_r101-d8_aux.py',
    '../_base_/datasets/synscapes_to_cityscapes.py',
    '../_base_/schedules/advent_250k.py',
    '../_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=19), auxiliary_head=dict(num_classes=19))
train_dataloader = dict(_delete_=True, source=_base_.train_dataloader.source)
optim_wrapper = dict(_delete_=True, **_base_.optim_wrapper.segmentor)
default_hooks = dict(checkpoint=dict(interval=4000))

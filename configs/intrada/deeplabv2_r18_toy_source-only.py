# The baseline on the toy domain pair: source images alone, validated on the target.
_base_ = [
    '../_base_/models/deeplabv2_toy_aux.py',
    '../_base_/datasets/toy_source_to_target.py',
    '../_base_/schedules/toy.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(_delete_=True, source=_base_.train_dataloader.source)
train_cfg = dict(val_interval=300)
default_hooks = dict(
    checkpoint=dict(interval=300), logger=dict(interval=25), visualization=dict(draw=True)
)

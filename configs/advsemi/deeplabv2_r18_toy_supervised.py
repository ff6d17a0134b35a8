# The baseline: the same network and labels, without unlabeled images and discriminator.
_base_ = [
    '../_base_/models/deeplabv2_toy.py',
    '../_base_/datasets/toy.py',
    '../_base_/schedules/toy.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(_delete_=True, labeled=_base_.train_dataloader.labeled)
default_hooks = dict(
    checkpoint=dict(interval=150), logger=dict(interval=25), visualization=dict(draw=True)
)

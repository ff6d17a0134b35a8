# The baseline: the same network and labels, without unlabeled images and discriminator.
_base_ = [
    '../_base_/models/deeplabv2_toy.py',
    '../_base_/datasets/toy.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(_base_.train_dataloader.labeled, _delete_=True)
optim_wrapper = dict(
    optimizer=dict(lr=0.02, momentum=0.9, weight_decay=5e-4), paramwise_cfg=dict(_delete_=True)
)
train_cfg = dict(max_iters=500, val_interval=250)
default_hooks = dict(checkpoint=dict(interval=250), logger=dict(interval=25))

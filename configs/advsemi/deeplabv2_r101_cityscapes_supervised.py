# The baseline of deeplabv2_r101_cityscapes_semi.py.
_base_ = [
    '../_base_/models/deeplabv2_r101-d8.py',
    '../_base_/datasets/cityscapes_semi.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=19))
train_dataloader = dict(_delete_=True, labeled=_base_.train_dataloader.labeled)
train_cfg = dict(max_iters=40000, val_interval=4000)
default_hooks = dict(checkpoint=dict(interval=4000))

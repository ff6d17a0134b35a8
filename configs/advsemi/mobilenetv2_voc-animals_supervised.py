# The baseline of mobilenetv2_voc-animals_semi.py: the same network, labels and schedule.
_base_ = [
    '../_base_/models/deeplabv2_mobilenetv2-d8.py',
    '../_base_/datasets/voc_animals_semi.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(_delete_=True, labeled=_base_.train_dataloader.labeled)
optim_wrapper = dict(optimizer=dict(lr=1e-3), clip_grad=dict(max_norm=5))
train_cfg = dict(max_iters=400, val_interval=400)
default_hooks = dict(checkpoint=dict(interval=400), logger=dict(interval=25))

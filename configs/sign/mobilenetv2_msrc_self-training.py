# SIGN on MSRC, its third step.
_base_ = 'mobilenetv2_msrc_training.py'
model = _base_.self_training
load_from = 'work_dirs/mobilenetv2_msrc_transfer/iter_250.pth'
train_cfg = dict(max_iters=100, val_interval=100)
default_hooks = dict(checkpoint=dict(interval=100))

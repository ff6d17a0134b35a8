# SIGN on the built-in toy dataset, its third step: pixels without a label learn from the
# choice among the unseen classes of the model that it begins with, the more the surer that one is.
_base_ = 'deeplabv2_r18_toy_training.py'
model = _base_.self_training
load_from = 'work_dirs/deeplabv2_r18_toy_transfer/iter_300.pth'
train_cfg = dict(max_iters=150, val_interval=150)
default_hooks = dict(checkpoint=dict(interval=150))

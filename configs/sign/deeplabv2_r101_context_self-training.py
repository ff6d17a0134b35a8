# SIGN on PASCAL-Context, its third step.
_base_ = 'deeplabv2_r101_context_training.py'
model = _base_.self_training
load_from = 'work_dirs/deeplabv2_r101_context_transfer/iter_10000.pth'
train_dataloader = dict(labeled=dict(batch_size=4))
param_scheduler = dict(generator=[], discriminator=[])
train_cfg = dict(max_iters=10000, val_interval=2000)

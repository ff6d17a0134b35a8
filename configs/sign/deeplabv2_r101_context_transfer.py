# SIGN on PASCAL-Context, its second step.
_base_ = 'deeplabv2_r101_context_training.py'
model = dict(_base_.transfer, unseen_rate=14)
load_from = 'work_dirs/deeplabv2_r101_context_training/iter_40000.pth'
optim_wrapper = dict(
    generator=dict(optimizer=dict(lr=5e-5)), discriminator=dict(optimizer=dict(lr=5e-5))
)
steps = dict(
    type='MultiStepLR', by_epoch=False, milestones=list(range(5000, 10000, 1000)), gamma=0.3
)
param_scheduler = dict(generator=[steps], discriminator=[steps])
train_cfg = dict(max_iters=10000, val_interval=1000)

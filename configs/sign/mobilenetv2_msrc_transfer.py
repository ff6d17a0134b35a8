# SIGN on MSRC, its second step.
_base_ = 'mobilenetv2_msrc_training.py'
model = dict(_base_.transfer, lambda_transfer=1.0, lambda_generator_transfer=1.0, interval=10)
load_from = 'work_dirs/mobilenetv2_msrc_training/iter_400.pth'
optim_wrapper = dict(discriminator=dict(optimizer=dict(lr=3e-3)))
poly = [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)]
param_scheduler = dict(generator=poly, discriminator=poly)
train_cfg = dict(max_iters=250, val_interval=250)
default_hooks = dict(checkpoint=dict(interval=250))

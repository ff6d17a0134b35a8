# SIGN on COCO-Stuff, its second step; the generator learns with the classifier here.
_base_ = 'deeplabv2_r101_coco-stuff_training.py'
model = dict(_base_.transfer, unseen_rate=59, lambda_transfer=1.0, lambda_generator_transfer=1.0)
load_from = 'work_dirs/deeplabv2_r101_coco-stuff_training/iter_40000.pth'
optim_wrapper = dict(
    generator=dict(optimizer=dict(lr=1e-5)), discriminator=dict(optimizer=dict(lr=1e-5))
)
steps = dict(
    type='MultiStepLR', by_epoch=False, milestones=list(range(3000, 6000, 2000)), gamma=0.3
)
param_scheduler = dict(generator=[steps], discriminator=[steps])
train_cfg = dict(max_iters=6000, val_interval=1000)

# SIGN on VOC 2012, its second step: the classifier meets generated features of all classes.
_base_ = 'deeplabv2_r101_voc_training.py'
model = dict(_base_.transfer, unseen_rate=9)
load_from = 'work_dirs/deeplabv2_r101_voc_training/iter_40000.pth'
optim_wrapper = dict(
    generator=dict(optimizer=dict(lr=5e-5)), discriminator=dict(optimizer=dict(lr=5e-5))
)
steps = dict(
    type='MultiStepLR', by_epoch=False, milestones=list(range(3000, 6000, 1000)), gamma=0.1
)
param_scheduler = dict(generator=[steps], discriminator=[steps])
train_cfg = dict(max_iters=6000, val_interval=1000)

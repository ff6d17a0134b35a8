# SIGN on COCO-Stuff, its third step.
_base_ = 'deeplabv2_r101_coco-stuff_training.py'
model = dict(_base_.self_training, lambda_real=0.5, lambda_fake=0.5)
load_from = 'work_dirs/deeplabv2_r101_coco-stuff_transfer/iter_6000.pth'
train_dataloader = dict(labeled=dict(batch_size=4))
optim_wrapper = dict(
    segmentor=dict(optimizer=dict(lr=5e-5)),
    generator=dict(optimizer=dict(lr=5e-5)),
    discriminator=dict(optimizer=dict(lr=5e-5)),
)
param_scheduler = dict(
    generator=[_base_.self_training_steps], discriminator=[_base_.self_training_steps]
)
train_cfg = dict(max_iters=10000, val_interval=2000)

# SIGN on VOC 2012, its third step: pixels without a label, with the background among them, learn
# from the model's own choice among the unseen classes, the more the surer it is.
_base_ = 'deeplabv2_r101_voc_training.py'
model = _base_.self_training
load_from = 'work_dirs/deeplabv2_r101_voc_transfer/iter_6000.pth'
train_dataloader = dict(labeled=dict(batch_size=4))
optim_wrapper = dict(
    segmentor=dict(optimizer=dict(lr=5e-5)),
    generator=dict(optimizer=dict(lr=5e-5)),
    discriminator=dict(optimizer=dict(lr=1e-4)),
)
param_scheduler = dict(generator=[], discriminator=[])
train_cfg = dict(max_iters=10000, val_interval=2000)

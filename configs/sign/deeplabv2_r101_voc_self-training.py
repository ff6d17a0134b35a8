# SIGN on VOC 2012, its third step: pixels without a label, with the background among them, learn
# from the choice of the model that it begins with among the unseen classes, the more the surer
# that one is.
_base_ = 'deeplabv2_r101_voc_training.py'
model = _base_.self_training
load_from = 'work_dirs/deeplabv2_r101_voc_transfer/iter_6000.pth'
# As released, crops are smaller here.
crop_size = (328, 328)
pipeline = [
    dict(step, crop_size=crop_size) if step.type == 'RandomCrop' else step
    for step in _base_.train_dataloader.labeled.dataset.pipeline
]
train_dataloader = dict(labeled=dict(batch_size=4, dataset=dict(pipeline=pipeline)))
optim_wrapper = dict(
    segmentor=dict(optimizer=dict(lr=5e-5)),
    generator=dict(optimizer=dict(lr=5e-5)),
    discriminator=dict(optimizer=dict(lr=1e-4)),
)
param_scheduler = dict(
    generator=[_base_.self_training_steps], discriminator=[_base_.self_training_steps]
)
train_cfg = dict(max_iters=10000, val_interval=2000)

# SIGN on the built-in toy dataset, its first step: encoder, generator and classifier learn from the
# seen classes. The networks around the ResNet-18 are as much smaller as it is.
_base_ = [
    '../_base_/models/deeplabv2_toy.py',
    '../_base_/datasets/toy_zero_shot.py',
    '../_base_/schedules/sign_toy.py',
    '../_base_/methods/sign.py',
    '../_base_/default_runtime.py',
]
model = _base_.sign
model.update(
    classes='ToyDataset',
    split=_base_.class_split,
    embeddings='toy',
    feature_channels=64,
    loss_mmd=dict(type='MMDLoss', max_samples=100),  # of 225 pixels
    backbone=dict(
        init_cfg=dict(checkpoint='work_dirs/deeplabv2_r18_toy_pretrain_shapes/iter_300.pth')
    ),
)
model.spatial_information.update(context_channels=32)
model.generator.update(hidden_channels=(128, 96), dropout=(0.1, 0.1))
model.discriminator.update(channels=128)
default_hooks = dict(checkpoint=dict(interval=300), logger=dict(interval=25))

# SIGN on real images with a CPU, its first step: MSRC, 15 seen and 5 unseen classes. Stride and
# dilations fit the small crops. The networks beside MobileNetV2 have about a third of the paper's
# channels.
_base_ = [
    '../_base_/models/deeplabv2_mobilenetv2-d8.py',
    '../_base_/datasets/msrc_zero_shot.py',
    '../_base_/schedules/sign_toy.py',
    '../_base_/methods/sign.py',
    '../_base_/default_runtime.py',
]
model = _base_.sign
model.update(
    backbone=dict(output_stride=16),
    classes='MSRCPersonDataset',
    split=_base_.class_split,
    embeddings='context_word2vec',
    feature_channels=192,
    loss_mmd=dict(type='MMDLoss', max_samples=128),
)
model.decode_head.update(num_classes=20, dilations=(3, 6, 9, 12))
model.spatial_information.update(context_channels=64)
model.generator.update(hidden_channels=(384, 288), dropout=(0.1, 0.1))
model.discriminator.update(channels=384)
optim_wrapper = dict(segmentor=dict(optimizer=dict(lr=2e-4)))
train_cfg = dict(max_iters=400, val_interval=400)
default_hooks = dict(checkpoint=dict(interval=400), logger=dict(interval=25))

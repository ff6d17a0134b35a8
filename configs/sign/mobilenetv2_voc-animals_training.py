# SIGN on real images with a CPU, its first step: the animals of VOC, cow and sheep unseen. The
# networks beside MobileNetV2 have about a third of the paper's channels.
_base_ = [
    '../_base_/models/deeplabv2_mobilenetv2-d8.py',
    '../_base_/datasets/voc_animals_zero_shot.py',
    '../_base_/schedules/sign_toy.py',
    '../_base_/methods/sign.py',
    '../_base_/default_runtime.py',
]
model = _base_.sign
model.update(
    classes=_base_.metainfo.classes,
    split=_base_.class_split,
    embeddings=['voc_fasttext', 'voc_word2vec'],
    feature_channels=192,
    loss_mmd=dict(type='MMDLoss', max_samples=128),  # of 441 pixels
)
model.spatial_information.update(context_channels=64)
model.generator.update(hidden_channels=(384, 288), dropout=(0.1, 0.1))
model.discriminator.update(channels=384)
optim_wrapper = dict(segmentor=dict(optimizer=dict(lr=2e-4)))
train_cfg = dict(max_iters=250, val_interval=250)
default_hooks = dict(checkpoint=dict(interval=250), logger=dict(interval=25))

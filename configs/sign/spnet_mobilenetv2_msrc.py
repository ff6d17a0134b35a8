# SPNet on MSRC, the baseline.
_base_ = [
    '../_base_/models/deeplabv2_mobilenetv2-d8.py',
    '../_base_/datasets/msrc_zero_shot.py',
    '../_base_/schedules/toy.py',
    '../_base_/methods/spnet.py',
    '../_base_/default_runtime.py',
]
model = _base_.spnet
model.backbone = dict(output_stride=16)
model.decode_head.update(
    classes='MSRCPersonDataset',
    num_classes=20,
    split=_base_.class_split,
    embeddings='context_word2vec',
    dilations=(3, 6, 9, 12),
)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
train_cfg = dict(max_iters=400, val_interval=400)
default_hooks = dict(checkpoint=dict(interval=400), logger=dict(interval=25))

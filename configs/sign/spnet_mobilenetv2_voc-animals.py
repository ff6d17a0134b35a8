# SPNet on the animals of VOC, the baseline.
_base_ = [
    '../_base_/models/deeplabv2_mobilenetv2-d8.py',
    '../_base_/datasets/voc_animals_zero_shot.py',
    '../_base_/schedules/toy.py',
    '../_base_/methods/spnet.py',
    '../_base_/default_runtime.py',
]
model = _base_.spnet
model.decode_head.update(
    classes=_base_.metainfo.classes,
    split=_base_.class_split,
    embeddings=['voc_fasttext', 'voc_word2vec'],
)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
train_cfg = dict(max_iters=250, val_interval=250)
default_hooks = dict(checkpoint=dict(interval=250), logger=dict(interval=25))

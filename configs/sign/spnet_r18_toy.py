# SPNet on the built-in toy dataset: projection onto the attributes of the classes, the baseline.
_base_ = [
    '../_base_/models/deeplabv2_toy.py',
    '../_base_/datasets/toy_zero_shot.py',
    '../_base_/schedules/toy.py',
    '../_base_/methods/spnet.py',
    '../_base_/default_runtime.py',
]
model = _base_.spnet
model.decode_head.update(classes='ToyDataset', split=_base_.class_split, embeddings='toy')
model.backbone = dict(
    init_cfg=dict(checkpoint='work_dirs/deeplabv2_r18_toy_pretrain_shapes/iter_300.pth')
)
train_cfg = dict(max_iters=300, val_interval=300)
default_hooks = dict(checkpoint=dict(interval=300), logger=dict(interval=25))

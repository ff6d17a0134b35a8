# The other member of the ensemble on the built-in toy dataset: MMSeg's FCN head on a ResNet-18.
_base_ = [
    '../_base_/models/deeplabv2_toy.py',
    '../_base_/datasets/toy.py',
    '../_base_/schedules/toy.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(
        _delete_=True,
        type='FCNHead',
        in_channels=256,
        in_index=3,
        channels=64,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.1,
        num_classes=7,
        norm_cfg=dict(type='BN'),
        loss_decode=dict(type='MaskedCrossEntropyLoss'),
    )
)
labeled = _base_.train_dataloader.labeled
train_dataloader = dict(
    _delete_=True, labeled=dict(labeled, dataset=dict(labeled.dataset, split='train'))
)
default_hooks = dict(checkpoint=dict(interval=300), logger=dict(interval=25))
train_cfg = dict(val_interval=300)

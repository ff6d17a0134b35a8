# The other member of the ensemble on the animals of VOC: MMSeg's FCN head on MobileNetV2, which has
# ImageNet's weights.
_base_ = [
    '../_base_/models/deeplabv2_mobilenetv2-d8.py',
    '../_base_/datasets/voc_animals_semi.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(
        _delete_=True,
        type='FCNHead',
        in_channels=320,
        in_index=3,
        channels=128,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.1,
        num_classes=6,
        norm_cfg=dict(type='BN'),
        align_corners=True,
        loss_decode=dict(type='MaskedCrossEntropyLoss'),
    )
)
metainfo = dict(classes=('background', 'cat', 'cow', 'dog', 'horse', 'sheep'))
labeled = _base_.train_dataloader.labeled
train_dataloader = dict(
    _delete_=True,
    labeled=dict(
        labeled,
        dataset=dict(labeled.dataset, metainfo=metainfo, ann_file=_base_.train_list),
    ),
)
val_dataloader = dict(dataset=dict(metainfo=metainfo))
test_dataloader = dict(dataset=dict(metainfo=metainfo))
optim_wrapper = dict(optimizer=dict(lr=1e-3), clip_grad=dict(max_norm=5))
# Validating the 445 images takes a few minutes on a CPU, so it is done once, at the end.
train_cfg = dict(max_iters=400, val_interval=400)
default_hooks = dict(checkpoint=dict(interval=400), logger=dict(interval=25))

# DeepLabv3+ with ResNet-101 at output stride 16, as UniMatch uses it.
_base_ = './deeplabv3plus_r50-d8.py'
model = dict(
    backbone=dict(
        depth=101,
        dilations=(1, 1, 1, 2),
        strides=(1, 2, 2, 1),
        init_cfg=dict(checkpoint='open-mmlab://resnet101_v1c'),
    ),
    decode_head=dict(
        _delete_=True,
        type='DeepLabV3PlusHead',
        in_channels=(256, 2048),
        in_index=(0, 3),
        channels=256,
        dilations=(6, 12, 18),
        num_classes=21,
        norm_cfg=_base_.norm_cfg,
        dropout_ratio=0,
        align_corners=True,
        loss_decode=dict(type='MaskedCrossEntropyLoss'),
    ),
    auxiliary_head=None,
)

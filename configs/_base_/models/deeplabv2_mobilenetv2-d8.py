# DeepLabv2 on MobileNetV2.
_base_ = 'mobilenetv2.py'
model = dict(
    type='EncoderDecoder',
    decode_head=dict(
        type='DeepLabV2Head',
        in_channels=320,
        in_index=3,
        dilations=(6, 12, 18, 24),
        num_classes=7,
        align_corners=True,
        loss_decode=dict(type='MaskedCrossEntropyLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)

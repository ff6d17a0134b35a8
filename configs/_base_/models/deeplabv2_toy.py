# DeepLabv2 on the toy network.
_base_ = 'resnet18_toy.py'
model = dict(
    type='EncoderDecoder',
    decode_head=dict(
        type='DeepLabV2Head',
        in_channels=256,
        in_index=3,
        dilations=(1, 2, 4, 6),
        num_classes=7,
        align_corners=True,
        loss_decode=dict(type='MaskedCrossEntropyLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)

# DeepLabv2 on MobileNetV2 with a second head two stages earlier, for ADVENT and IntraDA.
_base_ = 'deeplabv2_mobilenetv2-d8.py'
model = dict(
    auxiliary_head=dict(
        type='DeepLabV2Head',
        in_channels=96,
        in_index=2,
        dilations=(6, 12, 18, 24),
        num_classes=7,
        align_corners=True,
        loss_decode=dict(type='MaskedCrossEntropyLoss', loss_weight=0.1),
    ),
)

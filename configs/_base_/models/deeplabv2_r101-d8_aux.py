# DeepLabv2 with a second head on layer3, as ADVENT and IntraDA use it.
_base_ = 'deeplabv2_r101-d8.py'
model = dict(
    auxiliary_head=dict(
        type='DeepLabV2Head',
        in_channels=1024,
        in_index=2,
        dilations=(6, 12, 18, 24),
        num_classes=21,
        align_corners=True,
        loss_decode=dict(type='MaskedCrossEntropyLoss', loss_weight=0.1),
    ),
)

# The toy network with a second head on layer3, as ADVENT and IntraDA use it.
_base_ = 'deeplabv2_toy.py'
model = dict(
    auxiliary_head=dict(
        type='DeepLabV2Head',
        in_channels=128,
        in_index=2,
        dilations=(1, 2, 4, 6),
        num_classes=7,
        align_corners=True,
        loss_decode=dict(type='MaskedCrossEntropyLoss', loss_weight=0.1),
    ),
)

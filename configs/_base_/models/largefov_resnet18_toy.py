# AffinityNet's segmentation network on a ResNet-18 with half the usual channels. Its initial
# weights are those of the trained classifier, see affinity_resnet18_toy.py.
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.5, 127.5, 127.5],
        std=[64.0, 64.0, 64.0],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size_divisor=1,
    ),
    backbone=dict(
        type='DeepLabV2ResNet',
        depth=18,
        base_channels=32,
        stem_channels=32,
        style='pytorch',
        norm_cfg=dict(type='BN', requires_grad=True),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/resnet18_toy_cls/iter_600.pth',
            prefix='backbone.',
        ),
    ),
    # Images of 128 pixels are smaller than what dilation 12 sees at stride 8.
    decode_head=dict(
        type='LargeFOVHead',
        in_channels=256,
        in_index=3,
        channels=64,
        dilation=2,
        num_classes=7,
        align_corners=True,
        loss_decode=dict(type='MaskedCrossEntropyLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)

# FCN-8s on VGG-16, without batch norm as in the paper. All layers but those of the scores start
# from ImageNet's weights of mmpretrain, fc6 and fc7 in the head.
pretrained = dict(type='Pretrained', checkpoint='mmcls://vgg16')
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        # The upsampling by 8 at the end is then exact.
        size_divisor=8,
        test_cfg=dict(size_divisor=8),
    ),
    backbone=dict(
        type='mmpretrain.VGG',
        depth=16,
        out_indices=(2, 3, 4),
        ceil_mode=True,
        init_cfg=pretrained,
    ),
    decode_head=dict(
        type='FCN8sHead',
        in_channels=(256, 512, 512),
        num_classes=21,
        loss_decode=dict(type='MaskedCrossEntropyLoss'),
        init_cfg=pretrained,
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)

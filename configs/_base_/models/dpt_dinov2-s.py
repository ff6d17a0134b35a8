# DPT on DINOv2-S, as UniMatch V2 uses it. For B: `embed_dims=768`, `num_heads=12` of the backbone,
# `in_channels=768`, `level_channels=(96, 192, 384, 768)` and `channels=128` of the head.
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size_divisor=14,
        test_cfg=dict(size_divisor=14),
    ),
    backbone=dict(
        type='DINOv2',
        embed_dims=384,
        depth=12,
        num_heads=6,
        out_indices=(2, 5, 8, 11),
        patch_size=14,
        image_size=518,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://dl.fbaipublicfiles.com/dinov2/dinov2_vits14/'
            'dinov2_vits14_pretrain.pth',
        ),
    ),
    decode_head=dict(
        type='PlainDPTHead',
        in_channels=384,
        level_channels=(48, 96, 192, 384),
        channels=64,
        dropout_ratio=0,
        num_classes=21,
        loss_decode=dict(type='MaskedCrossEntropyLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)

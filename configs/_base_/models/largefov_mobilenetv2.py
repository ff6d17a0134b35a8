# AffinityNet's segmentation network on MobileNetV2 at output stride 8: small enough to fine-tune on
# real images with a CPU. Weights as in deeplabv2_mobilenetv2-d8.py.
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.5, 127.5, 127.5],
        std=[127.5, 127.5, 127.5],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size_divisor=1,
    ),
    backbone=dict(
        type='DilatedMobileNetV2',
        output_stride=8,
        # Only the last is used, but with a single index the backbone returns a bare tensor, of
        # which a head would take one image for the feature map.
        out_indices=(1, 2, 4, 6),
        # Batches of small machines are too small for batch statistics: all of BN is frozen.
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='{{$MOBILENETV2_WEIGHTS:data/weights/mobilenetv2_mmseg.pth}}',
        ),
    ),
    # A quarter of the paper's channels.
    decode_head=dict(
        type='LargeFOVHead',
        in_channels=320,
        in_index=3,
        channels=128,
        dilation=12,
        num_classes=6,
        align_corners=True,
        loss_decode=dict(type='MaskedCrossEntropyLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)

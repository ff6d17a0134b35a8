# AffinityNet on MobileNetV2 at output stride 8: small enough to fine-tune on real images with a
# CPU. Weights as in deeplabv2_mobilenetv2-d8.py.
model = dict(
    type='AffinityNet',
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
        out_indices=(2, 4, 6),
        # Batches of small machines are too small for batch statistics: all of BN is frozen.
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='{{$MOBILENETV2_WEIGHTS:data/weights/mobilenetv2_mmseg.pth}}',
        ),
    ),
    # Half of the release's channels.
    decode_head=dict(type='AffinityHead', in_channels=(32, 96, 320), channels=(32, 64, 128)),
    loss=dict(type='AffinityLoss'),
)

# MobileNetV2 at output stride 8: small enough to fine-tune on real images with a CPU.
# The weights are those of torchvision.models.mobilenet_v2, or any others of its format that expect
# images in [-1, 1], after les convert torchvision-mobilenetv2. The environment
# variable MOBILENETV2_WEIGHTS names the converted file.
model = dict(
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
        # Segmentors use the last one only, but with a single index the backbone returns a bare
        # tensor, of which a head would take one image for the feature map.
        out_indices=(1, 2, 4, 6),
        # Batches of small machines are too small for batch statistics: all of BN is frozen.
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='{{$MOBILENETV2_WEIGHTS:data/weights/mobilenetv2_mmseg.pth}}',
        ),
    ),
)

# MobileNetV2 at output stride 8, with a classifier of image-level labels that gives CAMs: small
# enough to fine-tune on real images with a CPU. Weights as in deeplabv2_mobilenetv2-d8.py.
model = dict(
    type='mmpretrain.ImageClassifier',
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
        out_indices=(6,),
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='{{$MOBILENETV2_WEIGHTS:data/weights/mobilenetv2_mmseg.pth}}',
        ),
    ),
    head=dict(type='CAMClsHead', in_channels=320, num_classes=5),
)

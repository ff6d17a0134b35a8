# ResNet-38 as AffinityNet uses it. Initial weights are ImageNet's, under this package's names; the
# environment variable RESNET38_WEIGHTS names the file.
model = dict(
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size_divisor=1,
    ),
    backbone=dict(
        type='ResNet38',
        init_cfg=dict(
            type='Pretrained',
            checkpoint='{{$RESNET38_WEIGHTS:data/weights/resnet38_imagenet.pth}}',
        ),
    ),
)

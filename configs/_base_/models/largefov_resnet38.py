# AffinityNet's segmentation network on ResNet-38: two convolutions with dilation 12. Initial
# weights are ImageNet's, as those of the classifier in cam_resnet38.py.
model = dict(
    type='EncoderDecoder',
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
        out_indices=(5,),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='{{$RESNET38_WEIGHTS:data/weights/resnet38_imagenet.pth}}',
        ),
    ),
    decode_head=dict(
        type='LargeFOVHead',
        in_channels=4096,
        in_index=0,
        channels=512,
        dilation=12,
        num_classes=21,
        align_corners=True,
        loss_decode=dict(type='MaskedCrossEntropyLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)

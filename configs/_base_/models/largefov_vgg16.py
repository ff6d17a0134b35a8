# AffinityNet's segmentation network on the dilated VGG-16: two convolutions with dilation 12.
# Initial weights are those of the classifier in cam_vgg16.py.
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        # BGR, as the Caffe weights expect.
        mean=[104.008, 116.669, 122.675],
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
        pad_val=0,
        seg_pad_val=255,
        size_divisor=1,
    ),
    backbone=dict(
        type='DilatedVGG16',
        out_indices=(5,),
        init_cfg=dict(
            type='Pretrained', checkpoint='{{$VGG16_WEIGHTS:data/weights/vgg16_imagenet.pth}}'
        ),
    ),
    decode_head=dict(
        type='LargeFOVHead',
        in_channels=1024,
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

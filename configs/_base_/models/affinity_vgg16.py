# AffinityNet on the dilated VGG-16. Initial weights are those of the classifier in cam_vgg16.py.
model = dict(
    type='AffinityNet',
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
        fc6_dilation=4,
        out_indices=(3, 4, 5),
        init_cfg=dict(
            type='Pretrained', checkpoint='{{$VGG16_WEIGHTS:data/weights/vgg16_imagenet.pth}}'
        ),
    ),
    decode_head=dict(
        type='AffinityHead',
        in_channels=(512, 512, 1024),
        channels=(64, 128, 256),
        norm_cfg=dict(type='GN'),
    ),
    loss=dict(type='AffinityLoss'),
    radius=5,
    reduction='mean',
    beta=8,
    steps=256,
    # The pairs that the release leaves out at three of the four edges: border='reference'.
    border='complete',
)

# AffinityNet on ResNet-38. Initial weights are ImageNet's, as those of the classifier in
# cam_resnet38.py.
model = dict(
    type='AffinityNet',
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
        out_indices=(2, 3, 5),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='{{$RESNET38_WEIGHTS:data/weights/resnet38_imagenet.pth}}',
        ),
    ),
    # The release's channels; the paper has (128, 256, 512), and `reduction='sum'` of the
    # differences over the channels.
    decode_head=dict(type='AffinityHead', in_channels=(512, 1024, 4096), channels=(64, 128, 256)),
    loss=dict(type='AffinityLoss'),
    radius=5,
    reduction='mean',
    beta=8,
    steps=256,
    # The pairs that the release leaves out at three of the four edges: border='reference'.
    border='complete',
)

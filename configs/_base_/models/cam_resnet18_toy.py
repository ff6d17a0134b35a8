# A ResNet-18 with half the usual channels, with a classifier of image-level labels that gives CAMs.
# It is trained from scratch: the toy's initial weights have seen masks.
model = dict(
    type='mmpretrain.ImageClassifier',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.5, 127.5, 127.5],
        std=[64.0, 64.0, 64.0],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size_divisor=1,
    ),
    backbone=dict(
        type='DeepLabV2ResNet',
        depth=18,
        base_channels=32,
        stem_channels=32,
        style='pytorch',
        norm_cfg=dict(type='BN', requires_grad=True),
        out_indices=(3,),
    ),
    # Small networks learn slowly under the usual dropout of 0.5.
    head=dict(type='CAMClsHead', in_channels=256, num_classes=6, dropout=0.2),
)

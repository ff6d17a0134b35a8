# AffinityNet on a ResNet-18 with half the usual channels. Its initial weights are those of the
# trained classifier, as the toy knows no others that have not seen masks:
#     python tools/train.py configs/affinitynet/resnet18_toy_cls.py
# Without them: `--cfg-options model.backbone.init_cfg=None`.
model = dict(
    type='AffinityNet',
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
        norm_eval=True,
        out_indices=(0, 1, 3),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/resnet18_toy_cls/iter_600.pth',
            prefix='backbone.',
        ),
    ),
    decode_head=dict(type='AffinityHead', in_channels=(32, 64, 256), channels=(16, 32, 64)),
    loss=dict(type='AffinityLoss'),
    # Images of 128 pixels would have a grid of 16 x 16.
    stride=4,
)

# A ResNet-18 with half the usual channels, trained in a minute or two on a CPU. Its initial weights
# are those of toy/deeplabv2_r18_toy_pretrain, as those of larger networks come from ImageNet:
#     les train configs/toy/deeplabv2_r18_toy_pretrain.py
# Without them: `--cfg-options model.backbone.init_cfg=None`.
model = dict(
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
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/deeplabv2_r18_toy_pretrain/iter_300.pth',
            prefix='backbone.',
        ),
    ),
)

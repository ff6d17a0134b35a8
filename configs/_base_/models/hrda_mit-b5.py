# HRDA: DAFormer sees the whole image at half its size, and windows of it at full size.
_base_ = 'daformer_mit-b5.py'
decoder = dict(
    type='DAFormerHead',
    in_channels=[64, 128, 320, 512],
    norm_cfg=_base_.model.decode_head.norm_cfg,
    dropout_ratio=0.1,
)
model = dict(
    data_preprocessor=dict(test_cfg=dict(size_divisor=8)),  # both sizes divide by the stride
    backbone=dict(
        _delete_=True,
        type='HRDABackbone',
        crop_size=(512, 512),  # height, width of a window
        backbone=_base_.model.backbone,
    ),
    decode_head=dict(
        _delete_=True,
        type='HRDAHead',
        num_classes=21,
        align_corners=False,
        lambda_detail=0.1,
        head=decoder,
        attention=dict(decoder, dilations=()),
        loss_decode=_base_.model.decode_head.loss_decode,
    ),
    test_cfg=dict(mode='slide', crop_size=(1024, 1024), stride=(512, 512)),
)

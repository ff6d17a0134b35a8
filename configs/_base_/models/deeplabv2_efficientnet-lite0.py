# DeepLabv2 on EfficientNet-Lite0 at output stride 16, for real images with a CPU. It needs `timm`
# (the extra of that name). The weights are timm's; the environment variable
# EFFICIENTNET_LITE0_WEIGHTS names the file. Their batch norm has its statistics of ImageNet, so it
# can be trained.
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.0, 127.0, 127.0],
        std=[128.0, 128.0, 128.0],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size_divisor=1,
    ),
    backbone=dict(
        type='TIMMBackbone',
        model_name='tf_efficientnet_lite0',
        features_only=True,
        output_stride=16,
        pretrained=True,
        pretrained_cfg_overlay=dict(
            file='{{$EFFICIENTNET_LITE0_WEIGHTS:data/weights/tf_efficientnet_lite0.safetensors}}'
        ),
    ),
    decode_head=dict(
        type='DeepLabV2Head',
        in_channels=320,
        in_index=4,
        # As many as the features of small crops have room for.
        dilations=(3, 6, 9, 12),
        num_classes=7,
        align_corners=False,
        loss_decode=dict(type='MaskedCrossEntropyLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)

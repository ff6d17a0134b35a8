# DeepLabv2 as AdvSemiSeg, ADVENT and IntraDA use it: no CRF, no multi-scale inputs.
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        # BGR, as the Caffe weights expect.
        mean=[104.008, 116.669, 122.679],
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
        pad_val=0,
        seg_pad_val=255,
        # Every stream is padded to its own largest image, so streams may differ in size.
        size_divisor=1,
    ),
    backbone=dict(
        type='DeepLabV2ResNet',
        depth=101,
        # ImageNet weights. The paper's COCO weights are no longer hosted; point `checkpoint` at
        # a local copy if you have one.
        init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://detectron2/resnet101_caffe'),
    ),
    decode_head=dict(
        type='DeepLabV2Head',
        in_channels=2048,
        in_index=3,
        dilations=(6, 12, 18, 24),
        num_classes=21,
        align_corners=True,
        loss_decode=dict(type='MaskedCrossEntropyLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)

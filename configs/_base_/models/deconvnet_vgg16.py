# DeconvNet: VGG-16 with batch norm, and its mirror of unpoolings and transposed convolutions.
# Initial weights of the encoder are ImageNet's, from torchvision. `model.test_cfg.mode=proposal`
# tests on the best 50 proposals of each image, `model.test_cfg.crf.iterations=10` adds a CRF.
model = dict(
    type='ProposalEncoderDecoder',
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
        type='DeconvNetVGG',
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://vgg16_bn'),
    ),
    decode_head=dict(
        type='DeconvNetHead',
        in_channels=4096,
        num_classes=21,
        loss_decode=dict(type='MaskedCrossEntropyLoss'),
    ),
    train_cfg=dict(),
    # Enlarged boxes with a side below 112 pixels are left out by the release, not by the paper:
    # `min_size=112`.
    test_cfg=dict(mode='whole', num_proposals=50, crop_size=(224, 224)),
)

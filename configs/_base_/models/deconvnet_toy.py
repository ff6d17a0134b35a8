# DeconvNet with a quarter of its channels, and with an fc6 that makes one position of 96 pixels
# where the original does of 224: small enough to train from scratch on a CPU.
model = dict(
    type='ProposalEncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.5, 127.5, 127.5],
        std=[64.0, 64.0, 64.0],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size_divisor=1,
    ),
    backbone=dict(type='DeconvNetVGG', base_channels=16, fc6_kernel_size=3),
    decode_head=dict(
        type='DeconvNetHead',
        in_channels=1024,
        channels=16,
        fc6_kernel_size=3,
        num_classes=7,
        loss_decode=dict(type='MaskedCrossEntropyLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole', num_proposals=50, crop_size=(96, 96)),
)

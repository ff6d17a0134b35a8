# The three networks of AffinityNet, one per step. A config takes one over and adds its backbone's
# outputs, and the channels and classes of the head.
classifier = dict(type='mmpretrain.ImageClassifier')
affinity = dict(
    type='AffinityNet',
    loss=dict(type='AffinityLoss'),
    radius=5,
    # The paper has 'sum' of the differences over the channels.
    reduction='mean',
    beta=8,
    steps=256,
    # The pairs that the release leaves out at three of the four edges: border='reference'.
    border='complete',
)
# Two convolutions of a large field of view. A config adds the channels and index of its backbone's
# output, and the number of classes.
largefov = dict(
    type='EncoderDecoder',
    decode_head=dict(
        type='LargeFOVHead',
        channels=512,
        dilation=12,
        align_corners=True,
        loss_decode=dict(type='MaskedCrossEntropyLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)

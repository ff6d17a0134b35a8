# 8 epochs of the 10,582 VOC images in batches of 8. Like the classifier, the release trains without
# momentum, see cam_10k.py.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0, weight_decay=5e-4),
    paramwise_cfg=dict(
        bias_lr_mult=2,
        bias_decay_mult=0,
        custom_keys={
            # The new convolutions, but not their norms.
            'decode_head.reduce': dict(lr_mult=10),
            'decode_head.fuse': dict(lr_mult=10),
            # Biases of VGG-16's group norm, as released: as those of convolutions.
            **{
                f'decode_head.norms.{level}.bias': dict(lr_mult=2, decay_mult=0)
                for level in range(3)
            },
        },
    ),
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)]
# Affinities alone have no figure to validate by.
train_cfg = dict(type='StreamIterTrainLoop', max_iters=10576)

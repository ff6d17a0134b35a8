# 15 epochs of the 10,582 VOC images in batches of 16. AffinityNet's release hands its weight
# decay to SGD as the momentum, and so trains with next to none.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0, weight_decay=5e-4),
    paramwise_cfg=dict(
        bias_lr_mult=2, bias_decay_mult=0, custom_keys=dict(classifier=dict(lr_mult=10))
    ),
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)]
train_cfg = dict(type='StreamIterTrainLoop', max_iters=9915, val_interval=1983)

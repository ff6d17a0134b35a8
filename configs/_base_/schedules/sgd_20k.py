# SGD with poly 0.9 down to 0, for one stream and one optimizer.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=2.5e-4, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10))),
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)]
train_cfg = dict(type='StreamIterTrainLoop', max_iters=20000, val_interval=2000)

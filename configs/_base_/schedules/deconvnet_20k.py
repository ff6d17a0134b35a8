# The first stage: 20,000 updates by 64 crops each, which are added up over 8 batches of 8, so all
# numbers of iterations are 8 times the paper's. The second stage overrides its length.
accumulation = 8
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4),
    # Biases as released, those of the norms excepted; the paper says nothing of them.
    paramwise_cfg=dict(bias_lr_mult=2, bias_decay_mult=0, norm_decay_mult=1),
    accumulative_counts=accumulation,
)
param_scheduler = [dict(type='StepLR', step_size=9000 * accumulation, gamma=0.1, by_epoch=False)]
train_cfg = dict(
    type='StreamIterTrainLoop', max_iters=20000 * accumulation, val_interval=2000 * accumulation
)

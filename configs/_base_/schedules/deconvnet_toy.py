# The paper's optimizer with a rate and a length for small crops; the rate falls to 0.
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-4)
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)]
train_cfg = dict(type='StreamIterTrainLoop', max_iters=1000, val_interval=1000)

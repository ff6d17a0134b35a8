# 300 iterations of the toy configs; Adam learns faster than SGD.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01))
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)]
train_cfg = dict(type='StreamIterTrainLoop', max_iters=300, val_interval=150)

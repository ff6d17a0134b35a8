optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01))
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)]
# Affinities alone have no figure to validate by.
train_cfg = dict(type='StreamIterTrainLoop', max_iters=300)
test_cfg = dict(type='TestLoop')

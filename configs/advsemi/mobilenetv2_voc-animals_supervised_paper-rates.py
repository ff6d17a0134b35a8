# The baseline of mobilenetv2_voc-animals_semi_paper-rates.py: the same network, labels and rates.
_base_ = './mobilenetv2_voc-animals_supervised.py'
model = dict(backbone=dict(frozen_stages=-1))
optim_wrapper = dict(optimizer=dict(lr=2.5e-4), clip_grad=None)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)]

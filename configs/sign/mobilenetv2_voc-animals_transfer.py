# SIGN on the animals of VOC, its second step.
_base_ = 'mobilenetv2_voc-animals_training.py'
model = dict(_base_.transfer, lambda_transfer=1.0, lambda_generator_transfer=1.0, interval=10)
load_from = 'work_dirs/mobilenetv2_voc-animals_training/iter_250.pth'
optim_wrapper = dict(discriminator=dict(optimizer=dict(lr=3e-3)))
poly = [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)]
param_scheduler = dict(generator=poly, discriminator=poly)

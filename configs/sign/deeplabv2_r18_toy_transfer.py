# SIGN on the built-in toy dataset, its second step: the classifier meets generated features of all
# classes, by turns with the seen ones' real features; the encoder stays. The weights are those of
# COCO-Stuff, so that the generator learns, too, what tells its classes from each other.
_base_ = 'deeplabv2_r18_toy_training.py'
model = dict(
    _base_.transfer,
    lambda_transfer=1.0,
    lambda_generator_transfer=1.0,
    interval=10,  # half as many turns as in the paper's 6,000 iterations
)
load_from = 'work_dirs/deeplabv2_r18_toy_training/iter_300.pth'
optim_wrapper = dict(discriminator=dict(optimizer=dict(lr=3e-3)))
poly = [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)]
param_scheduler = dict(generator=poly, discriminator=poly)

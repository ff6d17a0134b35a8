# IntraDA on the toy domain pair, its third step: from the easy to the hard target images. The
# lists and pseudo masks are those of the ranking; workflow_toy.py runs all steps.
_base_ = [
    '../_base_/models/deeplabv2_toy_aux.py',
    '../_base_/datasets/toy_easy_to_hard.py',
    '../_base_/schedules/adversarial_toy.py',
    '../_base_/methods/intrada.py',
    '../_base_/default_runtime.py',
]
model = _base_.intrada
# As in deeplabv2_r18_toy_advent.py.
model.discriminator.main.network.update(channels=16, strides=(2, 2, 2, 1, 1))
model.discriminator.aux.network.update(channels=16, strides=(2, 2, 2, 1, 1))
model.update(lambda_adv_main=0.02, lambda_adv_aux=0.004)
optim_wrapper = dict(discriminator=dict(optimizer=dict(lr=1e-3)))
# Learning from predicted labels takes longer than from true ones.
train_cfg = dict(max_iters=450, val_interval=450)
train_dataloader = dict(hard=dict(batch_size=4))
default_hooks = dict(
    checkpoint=dict(interval=450), logger=dict(interval=25), visualization=dict(draw=True)
)

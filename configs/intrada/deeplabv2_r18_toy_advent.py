# ADVENT on the toy domain pair: about four minutes on a CPU core.
_base_ = [
    '../_base_/models/deeplabv2_toy_aux.py',
    '../_base_/datasets/toy_source_to_target.py',
    '../_base_/schedules/adversarial_toy.py',
    '../_base_/methods/advent.py',
    '../_base_/default_runtime.py',
]
model = _base_.advent
# Crops of 113 pixels would leave the paper's discriminators 3x3 logits.
model.discriminator.main.network.update(channels=16, strides=(2, 2, 2, 1, 1))
model.discriminator.aux.network.update(channels=16, strides=(2, 2, 2, 1, 1))
# In some hundred iterations, instead of 120,000, the paper's weights and rate of 1e-4 move nothing.
model.update(lambda_adv_main=0.02, lambda_adv_aux=0.004)
optim_wrapper = dict(discriminator=dict(optimizer=dict(lr=1e-3)))
train_cfg = dict(val_interval=300)
default_hooks = dict(
    checkpoint=dict(interval=300), logger=dict(interval=25), visualization=dict(draw=True)
)

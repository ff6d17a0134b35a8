# ADVENT, to compare with, from a model that is trained on the source.
_base_ = [
    '../_base_/models/deeplabv2_efficientnet-lite0.py',
    '../_base_/datasets/camvid_to_{{$CAMVID_TARGET:idd_lite}}.py',
    '../_base_/schedules/adamw_idd_lite.py',
    '../_base_/methods/advent.py',
    '../_base_/default_runtime.py',
]
model = _base_.advent
model.discriminator.pop('aux')
model.discriminator.main.network.update(channels=16)
# For 100 iterations; with the paper's weight and rate, little moves.
model.update(lambda_adv_main=0.01)
optim_wrapper = dict(
    discriminator=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3, betas=(0.9, 0.99)))
)
default_hooks = dict(checkpoint=dict(interval=100), logger=dict(interval=20))
custom_hooks = [*_base_.custom_hooks, dict(type='ChannelsLastHook')]

# MinEnt, to compare with, from a model that is trained on the source.
_base_ = [
    '../_base_/models/deeplabv2_efficientnet-lite0.py',
    '../_base_/datasets/camvid_to_{{$CAMVID_TARGET:idd_lite}}.py',
    '../_base_/schedules/adamw_idd_lite.py',
    '../_base_/methods/minent.py',
    '../_base_/default_runtime.py',
]
# With the weight of ADVENT's loss here; there is no auxiliary head.
model = dict(_base_.minent, lambda_entropy_main=0.01, lambda_entropy_aux=0)
default_hooks = dict(checkpoint=dict(interval=100), logger=dict(interval=20))
custom_hooks = [*_base_.custom_hooks, dict(type='ChannelsLastHook')]

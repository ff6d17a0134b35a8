# The baseline without adaptation: CamVid by day alone, validated on IDD-Lite.
_base_ = [
    '../_base_/models/deeplabv2_efficientnet-lite0.py',
    '../_base_/datasets/camvid_to_{{$CAMVID_TARGET:idd_lite}}.py',
    '../_base_/schedules/adamw_idd_lite.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(_delete_=True, source=_base_.train_dataloader.source)
optim_wrapper = dict(_delete_=True, **_base_.optim_wrapper.segmentor)
default_hooks = dict(checkpoint=dict(interval=100), logger=dict(interval=20))
custom_hooks = [*_base_.custom_hooks, dict(type='ChannelsLastHook')]

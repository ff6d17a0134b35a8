# The baseline without adaptation: CamVid by day alone, validated at dusk.
_base_ = [
    '../_base_/models/deeplabv2_mobilenetv2-d8_aux.py',
    '../_base_/datasets/camvid_day_to_dusk.py',
    '../_base_/schedules/advent_250k.py',
    '../_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=11), auxiliary_head=dict(num_classes=11))
train_dataloader = dict(_delete_=True, source=_base_.train_dataloader.source)
optim_wrapper = dict(_delete_=True, **_base_.optim_wrapper.segmentor)
optim_wrapper['optimizer'].update(lr=1e-3)
optim_wrapper['clip_grad'] = dict(max_norm=5)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)]
train_cfg = dict(max_iters=250, val_interval=250)
default_hooks = dict(checkpoint=dict(interval=250), logger=dict(interval=25))

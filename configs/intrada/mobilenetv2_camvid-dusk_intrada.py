# IntraDA on real images with a CPU, its third step: from the easy to the hard images of CamVid at
# dusk. workflow_camvid-day-to-dusk.py runs all steps.
_base_ = [
    '../_base_/models/deeplabv2_mobilenetv2-d8_aux.py',
    '../_base_/datasets/camvid_easy_to_hard.py',
    '../_base_/schedules/advent_250k.py',
    '../_base_/methods/intrada.py',
    '../_base_/default_runtime.py',
]
model = _base_.intrada
model.update(decode_head=dict(num_classes=11), auxiliary_head=dict(num_classes=11))
# A quarter of the paper's channels; with all of them, D takes most of the time on a CPU.
model.discriminator.main.network.update(channels=16)
model.discriminator.aux.network.update(channels=16)
optim_wrapper = dict(segmentor=dict(optimizer=dict(lr=1e-3), clip_grad=dict(max_norm=5)))
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)]
train_cfg = dict(max_iters=250, val_interval=250)
default_hooks = dict(checkpoint=dict(interval=250), logger=dict(interval=25))

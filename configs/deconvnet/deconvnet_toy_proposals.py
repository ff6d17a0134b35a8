# DeconvNet on the built-in toy dataset, its second stage: from the first one's weights, on crops
# around proposals with all classes in them.
_base_ = [
    '../_base_/models/deconvnet_toy.py',
    '../_base_/datasets/toy_proposal_crops.py',
    '../_base_/schedules/deconvnet_toy.py',
    '../_base_/default_runtime.py',
]
first_stage = 'work_dirs/deconvnet_toy_objects/iter_1000.pth'
model = dict(init_cfg=dict(type='Pretrained', checkpoint=first_stage))
train_cfg = dict(max_iters=1500, val_interval=1500)
default_hooks = dict(checkpoint=dict(interval=1500), logger=dict(interval=25))
custom_hooks = [*_base_.custom_hooks, dict(type='PreciseBNHook', num_samples=512)]

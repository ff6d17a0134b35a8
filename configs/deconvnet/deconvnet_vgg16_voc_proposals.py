# DeconvNet on PASCAL VOC 2012, its second stage: from the first one's weights, on crops around
# proposals with all classes in them; 40,000 updates, the rate falls every 10,000.
_base_ = [
    '../_base_/models/deconvnet_vgg16.py',
    '../_base_/datasets/voc_proposal_crops.py',
    '../_base_/schedules/deconvnet_20k.py',
    '../_base_/default_runtime.py',
]
first_stage = 'work_dirs/deconvnet_vgg16_voc_objects/iter_160000.pth'
model = dict(backbone=dict(init_cfg=None), init_cfg=dict(type='Pretrained', checkpoint=first_stage))
param_scheduler = [dict(type='StepLR', step_size=80000, gamma=0.1, by_epoch=False)]
train_cfg = dict(max_iters=320000)
default_hooks = dict(checkpoint=dict(interval=16000))
custom_hooks = [*_base_.custom_hooks, dict(type='PreciseBNHook')]

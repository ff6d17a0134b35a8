# DeconvNet on the animals of VOC, its second stage: from the first one's weights, on crops around
# proposals with all classes in them.
_base_ = [
    '../_base_/models/deconvnet_toy.py',
    '../_base_/datasets/voc_animals_proposal_crops.py',
    '../_base_/schedules/deconvnet_toy.py',
    '../_base_/default_runtime.py',
]
first_stage = 'work_dirs/deconvnet_small_voc-animals_objects/iter_2000.pth'
model = dict(
    decode_head=dict(num_classes=6), init_cfg=dict(type='Pretrained', checkpoint=first_stage)
)
train_cfg = dict(max_iters=3000, val_interval=3000)
default_hooks = dict(checkpoint=dict(interval=3000), logger=dict(interval=25))
custom_hooks = [*_base_.custom_hooks, dict(type='PreciseBNHook', num_samples=512)]

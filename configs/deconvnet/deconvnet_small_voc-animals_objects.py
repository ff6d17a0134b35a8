# DeconvNet on real images with a CPU, its first stage: a quarter of the channels, the animals of
# VOC. No weights fit, so it learns from random ones.
_base_ = [
    '../_base_/models/deconvnet_toy.py',
    '../_base_/datasets/voc_animals_object_crops.py',
    '../_base_/schedules/deconvnet_toy.py',
    '../_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=2))
train_cfg = dict(max_iters=600, val_interval=600)
default_hooks = dict(checkpoint=dict(interval=600), logger=dict(interval=25))
custom_hooks = [*_base_.custom_hooks, dict(type='PreciseBNHook', num_samples=512)]

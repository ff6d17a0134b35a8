# AffinityNet on real images with a CPU: MobileNetV2, the animals of VOC.
_base_ = [
    '../_base_/models/affinity_mobilenetv2.py',
    '../_base_/datasets/voc_animals_affinity.py',
    '../_base_/schedules/affinity_10k.py',
    '../_base_/default_runtime.py',
]
# After so few iterations affinities are less sharp, and a walk of 256 steps crosses more edges.
model = dict(steps=64)
optim_wrapper = dict(optimizer=dict(lr=4e-3, momentum=0.9), clip_grad=dict(max_norm=20))
train_cfg = dict(max_iters=250)
default_hooks = dict(checkpoint=dict(interval=250), logger=dict(interval=25))

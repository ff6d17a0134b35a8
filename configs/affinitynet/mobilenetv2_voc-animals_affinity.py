# AffinityNet on real images with a CPU: MobileNetV2, the animals of VOC.
_base_ = [
    '../_base_/models/mobilenetv2.py',
    '../_base_/datasets/voc_animals_affinity.py',
    '../_base_/schedules/affinity_10k.py',
    '../_base_/methods/affinitynet.py',
    '../_base_/default_runtime.py',
]
model = dict(
    _base_.affinity,
    backbone=dict(out_indices=(2, 4, 6)),
    # Half of the release's channels.
    decode_head=dict(type='AffinityHead', in_channels=(32, 96, 320), channels=(32, 64, 128)),
)
# After so few iterations affinities are less sharp, and a walk of 256 steps crosses more edges.
model.update(steps=16)
optim_wrapper = dict(optimizer=dict(lr=4e-3, momentum=0.9), clip_grad=dict(max_norm=20))
train_cfg = dict(max_iters=250)
val_cfg = None  # affinities alone have no metric to validate by
default_hooks = dict(checkpoint=dict(interval=250), logger=dict(interval=25))

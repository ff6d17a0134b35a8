# The segmentation network on VGG-16 that learns from AffinityNet's pseudo masks. Neither paper nor
# release gives its schedule; this is DeepLab's.
_base_ = [
    '../_base_/models/largefov_vgg16.py',
    '../_base_/datasets/voc_pseudo.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
optim_wrapper = dict(optimizer=dict(lr=1e-3))

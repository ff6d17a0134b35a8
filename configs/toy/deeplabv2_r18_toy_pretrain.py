# Initial weights for the toy configs, as ImageNet gives them for real images: from another task on
# other images. The network learns to tell textures, not shapes, on 320 scenes of another seed.
_base_ = [
    '../_base_/models/deeplabv2_toy.py',
    '../_base_/datasets/toy.py',
    '../_base_/schedules/toy.py',
    '../_base_/default_runtime.py',
]
other_task = dict(
    spec=dict(seed=1), metainfo=dict(classes=('background', 'striped', 'dotted', 'checked'))
)
labeled = _base_.train_dataloader.labeled
train_dataloader = dict(
    _delete_=True,
    labeled=dict(labeled, dataset=dict(labeled.dataset, split='train', **other_task)),
)
val_dataloader = dict(dataset=other_task)
test_dataloader = val_dataloader
model = dict(backbone=dict(init_cfg=None), decode_head=dict(num_classes=4))
optim_wrapper = dict(optimizer=dict(lr=3e-3))
default_hooks = dict(checkpoint=dict(interval=300), logger=dict(interval=25))

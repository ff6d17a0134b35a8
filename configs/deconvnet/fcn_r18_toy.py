# The other member of the ensemble on the built-in toy dataset: MMSeg's FCN head on a ResNet-18.
_base_ = [
    '../_base_/models/fcn_r18_toy.py',
    '../_base_/datasets/toy.py',
    '../_base_/schedules/toy.py',
    '../_base_/default_runtime.py',
]
labeled = _base_.train_dataloader.labeled
train_dataloader = dict(
    _delete_=True, labeled=dict(labeled, dataset=dict(labeled.dataset, split='train'))
)
default_hooks = dict(checkpoint=dict(interval=300), logger=dict(interval=25))
train_cfg = dict(val_interval=300)

# The other member of the ensemble on the animals of VOC: MMSeg's FCN head on a ResNet-18 with half
# the usual channels. It starts from random weights too, and learns from crops of whole images.
_base_ = [
    '../_base_/models/fcn_r18_toy.py',
    '../_base_/datasets/voc_animals_semi.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(backbone=dict(init_cfg=None), decode_head=dict(num_classes=2))
animals = dict(
    type='VOCAnimalDataset',
    metainfo=dict(classes=('background', 'animal'), palette=[[0, 0, 0], [192, 128, 0]]),
)
labeled = _base_.train_dataloader.labeled
train_dataloader = dict(
    _delete_=True,
    labeled=dict(labeled, dataset=dict(labeled.dataset, **animals, ann_file=_base_.train_list)),
)
val_dataloader = dict(dataset=animals)
test_dataloader = val_dataloader
optim_wrapper = dict(optimizer=dict(lr=0.01), paramwise_cfg=dict(_delete_=True))
train_cfg = dict(max_iters=1800, val_interval=1800)
default_hooks = dict(checkpoint=dict(interval=1800), logger=dict(interval=25))

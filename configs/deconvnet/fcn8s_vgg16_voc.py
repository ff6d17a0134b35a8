# FCN-8s on PASCAL VOC 2012, the other member of the ensemble: the 10,582 augmented training images,
# with the length and the falling rate of the other baselines here.
_base_ = [
    '../_base_/models/fcn8s_vgg16.py',
    '../_base_/datasets/voc_semi.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
labeled = _base_.train_dataloader.labeled
train_dataloader = dict(
    _delete_=True,
    labeled=dict(labeled, dataset=dict(labeled.dataset, ann_file=_base_.train_list)),
)
optim_wrapper = dict(
    # The release sums the loss over the some 190,000 pixels of one image, at a rate of 1e-10 and a
    # momentum of 0.99. For their mean and 0.9 that is 2e-4 for one image, about this for ten.
    optimizer=dict(lr=1e-3),
    paramwise_cfg=dict(_delete_=True, bias_lr_mult=2, bias_decay_mult=0),
)

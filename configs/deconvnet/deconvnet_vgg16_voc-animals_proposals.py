# DeconvNet of the paper's width on the animals of VOC, its second stage. Tests as in
# deconvnet_vgg16_voc_proposals.py.
_base_ = './deconvnet_vgg16_voc-animals_objects.py'
model = dict(
    init_cfg=dict(
        type='Pretrained',
        checkpoint='work_dirs/deconvnet_vgg16_voc-animals_objects/iter_200.pth',
    ),
    backbone=dict(init_cfg=None),
)
objects = _base_.train_dataloader.labeled.dataset
train_dataloader = dict(
    labeled=dict(
        dataset=dict(
            _delete_=True,
            type='ProposalCropDataset',
            proposals=f'{_base_.proposals}/train/proposals',
            dataset=objects.dataset,
            pipeline=objects.pipeline,
        )
    )
)
train_cfg = dict(max_iters=400, val_interval=400)
default_hooks = dict(checkpoint=dict(interval=400))

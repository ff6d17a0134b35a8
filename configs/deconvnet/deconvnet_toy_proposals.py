# DeconvNet on the built-in toy dataset, its second stage: from the first one's weights, on crops
# around proposals with all classes in them. Tests as in deconvnet_vgg16_voc_proposals.py.
_base_ = './deconvnet_toy_objects.py'
model = dict(
    init_cfg=dict(type='Pretrained', checkpoint='work_dirs/deconvnet_toy_objects/iter_1000.pth')
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
train_cfg = dict(max_iters=1500, val_interval=1500)
default_hooks = dict(checkpoint=dict(interval=1500))

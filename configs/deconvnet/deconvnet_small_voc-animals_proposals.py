# DeconvNet on the animals of VOC, its second stage: from the first one's weights, on crops around
# proposals with all classes in them. Tests as in deconvnet_vgg16_voc_proposals.py.
_base_ = './deconvnet_small_voc-animals_objects.py'
model = dict(
    init_cfg=dict(
        type='Pretrained',
        checkpoint='work_dirs/deconvnet_small_voc-animals_objects/iter_600.pth',
    )
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
train_cfg = dict(max_iters=1200, val_interval=1200)
default_hooks = dict(checkpoint=dict(interval=1200))

# DeconvNet on PASCAL VOC 2012, its second stage: from the first one's weights, on crops around
# proposals with all classes in them; 40,000 updates, the rate falls every 10,000. To test what it
# trains on the best 50 proposals of each image, and to add a CRF:
#     les test configs/deconvnet/deconvnet_vgg16_voc_proposals.py CHECKPOINT \
#         --cfg-options model.test_cfg.mode=proposal model.test_cfg.crf.iterations=10
_base_ = './deconvnet_vgg16_voc_objects.py'
model = dict(
    backbone=dict(init_cfg=None),
    init_cfg=dict(
        type='Pretrained', checkpoint='work_dirs/deconvnet_vgg16_voc_objects/iter_160000.pth'
    ),
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
param_scheduler = [dict(type='StepLR', step_size=80000, gamma=0.1, by_epoch=False)]
train_cfg = dict(max_iters=320000)

# Toy dataset as crops around its single objects, DeconvNet's first stage. Validation is on whole
# images; those of the test have proposals, which without `folder` are made on the spot. Those of
# the second stage are below PROPOSALS.
_base_ = './toy.py'
import pathlib

# Absolute, as folders would start in the dataset's own.
proposals = str(pathlib.Path('{{$PROPOSALS:work_dirs/proposals}}').absolute())
object_size = (96, 96)  # height, width of the crops
crop_pipeline = [
    dict(type='Resize', scale=(108, 108)),
    dict(type='RandomCrop', crop_size=object_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
labeled = _base_.train_dataloader.labeled
train_dataloader = dict(
    _delete_=True,
    labeled=dict(
        labeled,
        dataset=dict(
            type='ObjectCropDataset',
            instances='SegmentationObject',
            dataset=dict(labeled.dataset, split='train', pipeline=_base_.load_labeled),
            pipeline=crop_pipeline,
        ),
    ),
)
meta_keys = ('img_path', 'seg_map_path', 'ori_shape', 'img_shape', 'pad_shape', 'proposals')
proposal_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadProposals', num=200),
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
test_dataloader = dict(dataset=dict(pipeline=proposal_pipeline))
test_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='ObjectSizeIoUMetric', sizes=dict(mIoU_small=(0, 32), mIoU_large=(32, 1000))),
]

# PASCAL VOC 2012 as crops around the single objects of the 10,582 augmented training images,
# DeconvNet's first stage. VOC has instance masks of 1,464 of them; objects of the others are
# connected components. Validation is on whole images; those of the test have proposals: the best
# of the folder PROPOSALS/val, which les proposals has filled, as PROPOSALS/train for the
# second stage.
_base_ = './voc_semi.py'
import pathlib

# Absolute, as folders would start in the dataset's own.
proposals = str(pathlib.Path('{{$PROPOSALS:work_dirs/proposals}}').absolute())
batch_size = 8
object_size = (224, 224)  # height, width of the crops
crop_pipeline = [
    dict(type='Resize', scale=(250, 250)),
    dict(type='RandomCrop', crop_size=object_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
labeled = _base_.train_dataloader.labeled
train_dataloader = dict(
    _delete_=True,
    labeled=dict(
        labeled,
        batch_size=batch_size,
        dataset=dict(
            type='ObjectCropDataset',
            instances='SegmentationObject',
            dataset=dict(labeled.dataset, ann_file=_base_.train_list, pipeline=_base_.load_labeled),
            pipeline=crop_pipeline,
        ),
    ),
)
meta_keys = ('img_path', 'seg_map_path', 'ori_shape', 'img_shape', 'pad_shape', 'proposals')
proposal_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadProposals', folder=f'{proposals}/val/proposals', num=2000),
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
test_dataloader = dict(dataset=dict(pipeline=proposal_pipeline))
test_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='ObjectSizeIoUMetric'),
]

# The animals of PASCAL VOC 2012, as one class, in crops around the single objects of the 437
# training images, DeconvNet's first stage; all else that has a name is void. Objects are connected
# components: VOC's instance masks are not among these files. Validation is on whole images; those
# of the test have proposals, which without `folder` are made on the spot. Those of the second stage
# are below PROPOSALS.
_base_ = './voc_animals_semi.py'
import pathlib

# Absolute, as folders would start in the dataset's own.
proposals = str(pathlib.Path('{{$PROPOSALS:work_dirs/proposals}}').absolute())
animals = dict(
    type='VOCAnimalDataset',
    metainfo=dict(classes=('background', 'animal'), palette=[[0, 0, 0], [192, 128, 0]]),
)
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
            dataset=dict(
                labeled.dataset,
                **animals,
                ann_file=_base_.train_list,
                pipeline=_base_.load_labeled,
            ),
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
val_dataloader = dict(dataset=animals)
test_dataloader = dict(dataset=dict(animals, pipeline=proposal_pipeline))
test_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='ObjectSizeIoUMetric', sizes=dict(mIoU_small=(0, 48), mIoU_large=(48, 1000))),
]

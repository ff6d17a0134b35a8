# The animals of PASCAL VOC 2012 with the scores of les scores for the 437
# training images, from which AffinityNet learns. The environment variable AFFINITY_SCORES names
# their folder; a pipeline sets data_prefix.seg_map_path itself.
_base_ = './color_jitter.py'
import pathlib

dataset_type = 'SemiVOCDataset'
data_root = '{{$VOC_ANIMALS_ROOT:data/VOCdevkit/VOC2012}}'
# Absolute, as folders would start in the dataset's own.
scores = str(pathlib.Path('{{$AFFINITY_SCORES:work_dirs/affinity_scores/scores}}').absolute())
metainfo = dict(classes=('background', 'cat', 'cow', 'dog', 'horse', 'sheep'))
train_list = 'splits/voc_animals/train.txt'
crop_size = (160, 160)  # height, width; multiples of 8
batch_size = 8

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAffinityScores'),
    *_base_.color_jitter,
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    # Pads with the mean colour (BGR); what is outside of the image is neutral.
    dict(type='Pad', size=crop_size[::-1], pad_val=dict(img=(104, 117, 123), seg=255)),
    dict(type='AffinityTarget', crop_size=crop_size),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs'),
]

train_dataloader = dict(
    labeled=dict(
        batch_size=batch_size,
        num_workers=2,
        persistent_workers=True,
        sampler=dict(type='InfiniteSampler', shuffle=True),
        dataset=dict(
            type=dataset_type,
            data_root=data_root,
            data_prefix=dict(img_path='JPEGImages', seg_map_path=scores),
            seg_map_suffix='.npz',
            metainfo=metainfo,
            ann_file=train_list,
            pipeline=train_pipeline,
        ),
    ),
)
# Images for which les masks writes masks, and compares them with their own.
test_dataloader = dict(
    batch_size=1,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        metainfo=metainfo,
        ann_file=train_list,
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])

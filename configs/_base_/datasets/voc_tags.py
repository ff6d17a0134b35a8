# PASCAL VOC 2012 with image-level labels: the 10,582 augmented training images, whose classes are
# those of the objects in `Annotations`; masks are read for figures only. Tags from another source:
# `tags` of each LoadImageTags.
_base_ = './color_jitter.py'
dataset_type = 'SemiVOCDataset'
data_root = '{{$VOC_ROOT:data/VOCdevkit/VOC2012}}'
data_prefix = dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug')
train_list = 'splits/voc/train_aug.txt'
load_tags = dict(type='LoadImageTags', tags='Annotations')
batch_size = 16

train_pipeline = [
    dict(type='LoadImageFromFile'),
    load_tags,
    # The long side is 256 to 512 pixels.
    dict(
        type='RandomResize',
        scale=(512, 512),
        ratio_range=(0.5, 1.0),
        keep_ratio=True,
        # As released; Pillow averages where an image shrinks.
        backend='pillow',
        interpolation='bicubic',
    ),
    dict(type='RandomFlip', prob=0.5),
    *_base_.color_jitter,
    # Smaller images are centred on the mean colour (BGR); the release puts them anywhere.
    dict(
        type='mmpretrain.RandomCrop',
        crop_size=(448, 448),
        pad_if_needed=True,
        pad_val=(104, 117, 123),
    ),
    dict(type='mmpretrain.PackInputs'),
]
val_pipeline = [dict(type='LoadImageFromFile'), load_tags, dict(type='mmpretrain.PackInputs')]
cam_pipeline = [
    dict(type='LoadImageFromFile'),
    load_tags,
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs', meta_keys=('img_path', 'ori_shape', 'img_shape', 'image_labels')),
]

train_dataloader = dict(
    tagged=dict(
        batch_size=batch_size,
        num_workers=4,
        persistent_workers=True,
        sampler=dict(type='InfiniteSampler', shuffle=True),
        dataset=dict(
            type=dataset_type,
            data_root=data_root,
            data_prefix=data_prefix,
            ann_file=train_list,
            labeled=False,
            pipeline=train_pipeline,
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,  # images keep their own sizes
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=data_prefix,
        ann_file='splits/voc/val.txt',
        labeled=False,
        pipeline=val_pipeline,
    ),
)
# Images whose CAMs are made, and compared with their masks: for `model.type=CAMSegmentor`.
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=data_prefix,
        ann_file=train_list,
        pipeline=cam_pipeline,
    ),
)

val_evaluator = [
    dict(type='mmpretrain.AveragePrecision'),
    dict(type='mmpretrain.MultiLabelMetric', thr=0.5),
]
test_evaluator = [dict(type='CAMIoUMetric')]

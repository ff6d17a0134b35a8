# The animals of PASCAL VOC 2012 with image-level labels: the 437 training and 445 validation images
# of VOC itself that show a cat, cow, dog, horse or sheep. Tags are what the masks show; other
# classes of these images, such as persons, are void. Small enough for trying things on real images.
_base_ = './color_jitter.py'
dataset_type = 'SemiVOCDataset'
data_root = '{{$VOC_ANIMALS_ROOT:data/VOCdevkit/VOC2012}}'
data_prefix = dict(img_path='JPEGImages', seg_map_path='SegmentationClass')
metainfo = dict(classes=('background', 'cat', 'cow', 'dog', 'horse', 'sheep'))
train_list = 'splits/voc_animals/train.txt'
load_tags = dict(type='LoadImageTags', tags='masks')
batch_size = 8

train_pipeline = [
    dict(type='LoadImageFromFile'),
    load_tags,
    # The long side is 192 to 320 pixels.
    dict(type='RandomResize', scale=(320, 320), ratio_range=(0.6, 1.0), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    *_base_.color_jitter,
    dict(
        type='mmpretrain.RandomCrop',
        crop_size=(193, 193),
        pad_if_needed=True,
        pad_val=(104, 117, 123),
    ),
    dict(type='mmpretrain.PackInputs'),
]
val_pipeline = [
    dict(type='LoadImageFromFile'),
    load_tags,
    dict(type='Resize', scale=(256, 256), keep_ratio=True),
    dict(type='mmpretrain.PackInputs'),
]
cam_pipeline = [
    dict(type='LoadImageFromFile'),
    load_tags,
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs', meta_keys=('img_path', 'ori_shape', 'img_shape', 'image_labels')),
]

train_dataloader = dict(
    tagged=dict(
        batch_size=batch_size,
        num_workers=2,
        persistent_workers=True,
        sampler=dict(type='InfiniteSampler', shuffle=True),
        dataset=dict(
            type=dataset_type,
            data_root=data_root,
            data_prefix=data_prefix,
            metainfo=metainfo,
            ann_file=train_list,
            pipeline=train_pipeline,
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,  # images keep their own shapes
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=data_prefix,
        metainfo=metainfo,
        ann_file='splits/voc_animals/val.txt',
        pipeline=val_pipeline,
    ),
)
# Images whose CAMs are made, and compared with their masks: for `model.type=CAMSegmentor`.
test_dataloader = dict(
    batch_size=1,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=data_prefix,
        metainfo=metainfo,
        ann_file=train_list,
        pipeline=cam_pipeline,
    ),
)

val_evaluator = [
    dict(type='mmpretrain.AveragePrecision'),
    dict(type='mmpretrain.MultiLabelMetric', thr=0.5),
]
test_evaluator = [dict(type='CAMIoUMetric')]

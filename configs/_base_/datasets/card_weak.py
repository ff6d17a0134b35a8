# The images of a data card whose classes are known, but not where they are; `les new weak` writes
# what inherits from this. The streams of its three networks: `tagged` of the classifier, `scored`
# of AffinityNet and, in `train_dataloader`, that of the segmentor. A workflow says where the scores
# and the pseudo masks are.
_base_ = ['./card_semi.py', './color_jitter.py']
tags = 'tags.csv'  # or 'masks'
masked = False  # whether the training images have masks, which judge CAMs and pseudo masks
affinity_crop = (160, 160)  # height, width; multiples of affinity_stride
affinity_stride = 8
long_side = max(_base_.image_scale)

tag_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadImageTags', tags=tags),
    dict(
        type='RandomResize',
        scale=(long_side * 5 // 4, long_side * 5 // 4),
        ratio_range=(0.6, 1.0),
        keep_ratio=True,
    ),
    dict(type='RandomFlip', prob=0.5),
    *_base_.color_jitter,
    dict(
        type='mmpretrain.RandomCrop',
        crop_size=(long_side * 3 // 4, long_side * 3 // 4),
        pad_if_needed=True,
        pad_val=(104, 117, 123),
    ),
    dict(type='mmpretrain.PackInputs'),
]
# Images of the validation have masks, which say what is in them.
tag_val_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadImageTags', tags='masks', allow_empty=True),
    dict(type='Resize', scale=_base_.image_scale, keep_ratio=True),
    dict(type='mmpretrain.PackInputs'),
]
load_mask = [dict(type='LoadCheckedAnnotations')] if masked else []
cam_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadImageTags', tags=tags),
    # CAMs get the size of the file again.
    dict(type='Resize', scale=_base_.image_scale, keep_ratio=True),
    *load_mask,
    dict(type='PackSegInputs', meta_keys=('img_path', 'ori_shape', 'img_shape', 'image_labels')),
]
score_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAffinityScores'),
    *_base_.color_jitter,
    dict(type='RandomCrop', crop_size=affinity_crop),
    dict(type='RandomFlip', prob=0.5),
    # Pads with the mean colour (BGR); what is outside of the image is neutral.
    dict(type='Pad', size=affinity_crop[::-1], pad_val=dict(img=(104, 117, 123), seg=255)),
    dict(type='AffinityTarget', crop_size=affinity_crop, stride=affinity_stride),
    dict(type='PackSegInputs'),
]

train_images = dict(_base_.images, ann_file=_base_.train_list)
tagged = dict(
    _base_.stream,
    batch_size=2 * _base_.batch_size,
    dataset=dict(train_images, labeled=tags == 'masks', pipeline=tag_pipeline),
)
tag_val_dataloader = dict(
    _base_.val_dataloader, dataset=dict(_base_.val_dataloader.dataset, pipeline=tag_val_pipeline)
)
tag_val_evaluator = [
    dict(type='mmpretrain.AveragePrecision'),
    dict(type='mmpretrain.MultiLabelMetric', thr=0.5),
]
scored = dict(
    _base_.stream,
    dataset=dict(
        train_images,
        data_prefix=dict(seg_map_path='scores'),
        seg_map_suffix='.npz',
        pipeline=score_pipeline,
    ),
)
stream_of_masks = _base_.train_dataloader.labeled
train_dataloader = dict(
    _delete_=True,
    labeled=dict(
        stream_of_masks,
        dataset=dict(
            train_images,
            data_prefix=dict(seg_map_path='pseudo_masks'),
            seg_map_suffix='.png',
            pipeline=_base_.train_pipeline,
        ),
    ),
)
# Images whose CAMs and pseudo masks are made, and judged by their masks where there are any.
cam_dataloader = dict(
    _base_.test_dataloader, dataset=dict(train_images, labeled=masked, pipeline=cam_pipeline)
)

# Cityscapes -> ACDC (fog, night, rain and snow), 19 classes, crops of 512x512. Below the root of
# ACDC, `rgb_anon/{train,val}` and `gt/{train,val}` hold the folders of all four conditions.
_base_ = './cityscapes_semi.py'
source_root = '{{$CITYSCAPES_ROOT:data/cityscapes}}'
target_root = '{{$ACDC_ROOT:data/acdc}}'
crop_size = (512, 512)  # height, width
batch_size = 2  # of each stream
target_resize = dict(type='Resize', scale=(960, 540))

flip = [dict(type='RandomFlip', prob=0.5), dict(type='PackSegInputs')]
source_pipeline = [
    *_base_.load_labeled,
    dict(type='Resize', scale=_base_.image_scale),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    *flip,
]
target_pipeline = [
    *_base_.load_unlabeled,
    target_resize,
    dict(type='RandomCrop', crop_size=crop_size),
    *flip,
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    target_resize,
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs'),
]
acdc = dict(
    type=_base_.dataset_type,
    data_root=target_root,
    img_suffix='_rgb_anon.png',
    seg_map_suffix='_gt_labelTrainIds.png',
)
stream = dict(_base_.stream, batch_size=batch_size)
train_dataloader = dict(
    _delete_=True,
    source=dict(
        stream,
        dataset=dict(
            type=_base_.dataset_type,
            data_root=source_root,
            ann_file=_base_.train_list,
            pipeline=source_pipeline,
        ),
    ),
    target=dict(
        stream,
        dataset=dict(
            acdc,
            data_prefix=dict(img_path='rgb_anon/train'),
            labeled=False,
            pipeline=target_pipeline,
        ),
    ),
)
acdc_val = dict(
    acdc,
    data_prefix=dict(img_path='rgb_anon/val', seg_map_path='gt/val'),
    pipeline=test_pipeline,
)
val_dataloader = dict(dataset=dict(_delete_=True, **acdc_val))
test_dataloader = val_dataloader

# PASCAL VOC 2012, zero-shot: the 10,582 augmented training images without the labels of the unseen
# classes. The environment variable CLASS_SPLIT names another split than the one of 15 seen and 5
# unseen classes: voc_k2, voc_k4, voc_k6, voc_k8 or voc_k10, in which background is a seen class.
_base_ = './voc_semi.py'
class_split = '{{$CLASS_SPLIT:voc_15_5}}'
crop_size = (368, 368)
batch_size = 8
image_size = (513, 513)  # all images are warped to it
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadCheckedAnnotations'),
    dict(type='Resize', scale=image_size),
    dict(type='RandomScale', ratio_range=(0.5, 1.5)),
    # As released: a smaller image is in the middle of the mean colour (BGR), then comes the crop.
    dict(type='CenterPad', size=image_size, pad_val=(104, 117, 123)),
    dict(type='RandomCrop', crop_size=crop_size),
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
            labeled.dataset,
            ann_file=_base_.train_list,
            pipeline=[dict(type='HideUnseenClasses', split=class_split), *train_pipeline],
        ),
    ),
)
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_size),
    # After resizing, as scores are for the size of the image file.
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs'),
]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=(size, size)) for size in (257, 385, 513, 641, 769)],
            [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)],
            [dict(type='LoadCheckedAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='ZeroShotIoUMetric', split=class_split)
test_evaluator = val_evaluator

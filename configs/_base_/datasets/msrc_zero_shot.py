# MSRC, zero-shot: 357 training images without the labels of 5 of 20 classes, 118 to validate. Small
# enough for a CPU. The environment variable CLASS_SPLIT names one of three splits: msrc_1, msrc_2
# or msrc_3.
_base_ = './streams.py'
class_split = '{{$CLASS_SPLIT:msrc_1}}'
images = dict(type='MSRCPersonDataset', data_root='{{$MSRC_ROOT:data/msrc21}}')
crop_size = (161, 161)  # height, width
batch_size = 8
num_workers = 1
train_pipeline = [
    *_base_.load_labeled,
    dict(type='RandomScale', ratio_range=(0.5, 1.5)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomCrop', crop_size=crop_size),
    # Pads with the mean colour (BGR).
    dict(type='Pad', size=crop_size, pad_val=dict(img=(104, 117, 123), seg=255)),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    labeled=dict(
        _base_.loader,
        batch_size=batch_size,
        num_workers=num_workers,
        dataset=dict(
            images,
            ann_file='train.txt',
            pipeline=[dict(type='HideUnseenClasses', split=class_split), *train_pipeline],
        ),
    )
)
val_dataloader = dict(
    num_workers=num_workers,
    dataset=dict(images, ann_file='val.txt', pipeline=_base_.test_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='ZeroShotIoUMetric', split=class_split)
test_evaluator = val_evaluator

# GTA5 -> Cityscapes, 19 classes: the source has masks, the target's training images have none.
_base_ = './cityscapes_semi.py'
source_root = '{{$GTA5_ROOT:data/gta5}}'
batch_size = 1  # of each stream

# Whole images, neither cropped nor flipped. ADVENT's released code interpolates with Pillow too.
resize = dict(type='Resize', keep_ratio=False, interpolation='bicubic', backend='pillow')
target_resize = dict(resize, scale=_base_.image_scale)
source_pipeline = [
    *_base_.load_labeled,
    dict(resize, scale=(1280, 720)),
    dict(type='PackSegInputs'),
]
target_pipeline = [*_base_.load_unlabeled, target_resize, dict(type='PackSegInputs')]
# Masks are loaded after resizing: predictions are brought to the size of the full masks.
test_pipeline = [
    dict(type='LoadImageFromFile'),
    target_resize,
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs'),
]

stream = dict(_base_.stream, batch_size=batch_size)
train_dataloader = dict(
    _delete_=True,
    source=dict(
        stream,
        dataset=dict(
            type='GTA5Dataset',
            data_root=source_root,
            # Written by les convert: all images with a mask.
            ann_file='labels_train_ids.txt',
            pipeline=source_pipeline,
        ),
    ),
    target=dict(
        stream,
        dataset=dict(
            type=_base_.dataset_type,
            data_root=_base_.data_root,
            ann_file=_base_.train_list,
            labeled=False,
            pipeline=target_pipeline,
        ),
    ),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

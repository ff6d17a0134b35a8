# CamVid at 480x360, 11 classes, 1/8 of the 367 training images labeled.
# Another fraction: write a list with les split and set `labeled_list`.
_base_ = './streams.py'
dataset_type = 'CamVidDataset'
data_root = '{{$CAMVID_ROOT:data/camvid}}'
data_prefix = dict(img_path='images', seg_map_path='labels')
train_list = 'train.txt'  # of the dataset
labeled_list = 'splits/camvid/1_8/labeled.txt'
crop_size = (321, 321)  # height, width
batch_size = 10  # of each stream
num_workers = 4

augmentation = [
    dict(type='RandomScale', ratio_range=(0.5, 1.5)),
    dict(type='RandomFlip', prob=0.5),
    # Cropping first and padding what is smaller gives the same crops as padding first.
    dict(type='RandomCrop', crop_size=crop_size),
    # Pads with the mean colour (BGR); `size` is (width, height).
    dict(type='Pad', size=crop_size[::-1], pad_val=dict(img=(104, 117, 123), seg=255)),
    dict(type='PackSegInputs'),
]
train_pipeline = [*_base_.load_labeled, *augmentation]
unlabeled_pipeline = [*_base_.load_unlabeled, *augmentation]

images = dict(type=dataset_type, data_root=data_root, data_prefix=data_prefix)
stream = dict(_base_.loader, batch_size=batch_size, num_workers=num_workers)
train_dataloader = dict(
    labeled=dict(stream, dataset=dict(images, ann_file=labeled_list, pipeline=train_pipeline)),
    unlabeled=dict(
        stream,
        dataset=dict(
            images,
            ann_file=train_list,
            exclude=labeled_list,
            labeled=False,
            pipeline=unlabeled_pipeline,
        ),
    ),
)
evaluated = dict(images, pipeline=_base_.test_pipeline)
val_dataloader = dict(num_workers=num_workers, dataset=dict(evaluated, ann_file='val.txt'))
test_dataloader = dict(num_workers=num_workers, dataset=dict(evaluated, ann_file='test.txt'))

# The animals of PASCAL VOC 2012: the 437 training and 445 validation images of VOC itself that
# show a cat, cow, dog, horse or sheep; 1/8 of the training images labeled. Other classes of
# these images are void. Small enough for trying things on real images. The environment variable
# VOC_ANIMALS_LABELED names another list, for example splits/voc_animals/1_16/labeled.txt.
_base_ = './streams.py'
dataset_type = 'SemiVOCDataset'
data_root = '{{$VOC_ANIMALS_ROOT:data/VOCdevkit/VOC2012}}'
data_prefix = dict(img_path='JPEGImages', seg_map_path='SegmentationClass')
metainfo = dict(classes=('background', 'cat', 'cow', 'dog', 'horse', 'person', 'sheep'))
train_list = 'splits/voc_animals/train.txt'
labeled_list = '{{$VOC_ANIMALS_LABELED:splits/voc_animals/1_8/labeled.txt}}'
val_list = 'splits/voc_animals/val.txt'
crop_size = (161, 161)  # height, width; 8 n + 1 for corners that stay aligned at stride 8
batch_size = 8  # of each stream
num_workers = 2

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

images = dict(type=dataset_type, data_root=data_root, data_prefix=data_prefix, metainfo=metainfo)
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
val_dataloader = dict(
    num_workers=num_workers,
    dataset=dict(images, ann_file=val_list, pipeline=_base_.test_pipeline),
)
test_dataloader = val_dataloader

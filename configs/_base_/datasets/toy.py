# Toy dataset, semi-supervised: 1/8 of the training images labeled, the others without masks.
# It is generated at first use; no download. Tiny version: `indices=8` in a dataset
# takes its first images, `spec=dict(num_train=16, ...)` draws other data (see ToySpec).
_base_ = './streams.py'
dataset_type = 'ToyDataset'
crop_size = (113, 113)  # 8 n + 1, for corners that stay aligned at stride 8
batch_size = 8  # of each stream
num_workers = 1

augmentation = [
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_pipeline = [*_base_.load_labeled, *augmentation]
unlabeled_pipeline = [*_base_.load_unlabeled, *augmentation]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)],
            [dict(type='LoadCheckedAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]

stream = dict(_base_.loader, batch_size=batch_size, num_workers=num_workers)
train_dataloader = dict(
    labeled=dict(
        stream,
        dataset=dict(type=dataset_type, split='train_1_8_labeled', pipeline=train_pipeline),
    ),
    unlabeled=dict(
        stream,
        dataset=dict(
            type=dataset_type,
            split='train_1_8_unlabeled',
            labeled=False,
            pipeline=unlabeled_pipeline,
        ),
    ),
)
val_dataloader = dict(
    num_workers=num_workers,
    dataset=dict(type=dataset_type, split='val', pipeline=_base_.test_pipeline),
)
test_dataloader = val_dataloader

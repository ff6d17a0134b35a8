# Toy dataset, from the source style (320 images with masks) to the darker, blurred and noisy target
# style: 1,000 images without masks to train on, 100 to evaluate. It is generated at
# first use; no download.
_base_ = './toy.py'
source_pipeline = _base_.train_pipeline
target_pipeline = _base_.unlabeled_pipeline
train_dataloader = dict(
    _delete_=True,
    source=dict(
        _base_.stream,
        dataset=dict(
            type=_base_.dataset_type, style='source', split='train', pipeline=source_pipeline
        ),
    ),
    target=dict(
        _base_.stream,
        dataset=dict(
            type=_base_.dataset_type,
            style='target',
            split='train',
            labeled=False,
            pipeline=target_pipeline,
        ),
    ),
)
val_dataloader = dict(dataset=dict(style='target'))
test_dataloader = val_dataloader

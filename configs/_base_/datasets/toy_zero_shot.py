# Toy dataset, zero-shot: all training images, but without the labels of two classes. Other classes
# have their shapes and their textures, so the attributes of the classes tell what they look like.
_base_ = './toy.py'
class_split = dict(unseen=['striped-disc', 'dotted-ring'])
labeled = _base_.train_dataloader.labeled
train_dataloader = dict(
    _delete_=True,
    labeled=dict(
        labeled,
        dataset=dict(
            labeled.dataset,
            split='train',
            pipeline=[dict(type='HideUnseenClasses', split=class_split), *labeled.dataset.pipeline],
        ),
    ),
)
val_evaluator = dict(_delete_=True, type='ZeroShotIoUMetric', split=class_split)
test_evaluator = val_evaluator

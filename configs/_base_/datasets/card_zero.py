# The images of a data card, some of whose classes have no labels in training; `les new zero` writes
# what inherits from this.
_base_ = './card_semi.py'
class_split = dict(unseen=['joint'])
stream_of_masks = _base_.train_dataloader.labeled
train_dataloader = dict(
    _delete_=True,
    labeled=dict(
        stream_of_masks,
        dataset=dict(
            stream_of_masks.dataset,
            pipeline=[
                dict(type='HideUnseenClasses', split=class_split),
                *stream_of_masks.dataset.pipeline,
            ],
        ),
    ),
)
val_evaluator = dict(_delete_=True, type='ZeroShotIoUMetric', split=class_split, classwise=True)
test_evaluator = val_evaluator

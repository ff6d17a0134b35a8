# The animals of PASCAL VOC 2012, zero-shot: masks of all 437 training images, but without the
# labels of cow and sheep. Background and person are seen classes.
_base_ = './voc_animals_semi.py'
class_split = dict(unseen=['cow', 'sheep'])
labeled = _base_.train_dataloader.labeled
train_dataloader = dict(
    _delete_=True,
    labeled=dict(
        labeled,
        dataset=dict(
            labeled.dataset,
            ann_file=_base_.train_list,
            pipeline=[dict(type='HideUnseenClasses', split=class_split), *labeled.dataset.pipeline],
        ),
    ),
)
val_evaluator = dict(_delete_=True, type='ZeroShotIoUMetric', split=class_split)
test_evaluator = val_evaluator

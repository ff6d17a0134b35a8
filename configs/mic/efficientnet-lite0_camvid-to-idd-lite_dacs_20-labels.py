# DACS with masks for 20 of the 400 images of the target.
_base_ = './efficientnet-lite0_camvid-to-idd-lite_dacs.py'
model = dict(labeled_target=True)
labeled_target = dict(
    _base_.stream,
    dataset=dict(
        _base_.target, ann_file='splits/idd_lite/20/labeled.txt', pipeline=_base_.source_pipeline
    ),
)
train_dataloader = dict(labeled_target=labeled_target)

# PASCAL-Context, zero-shot: 33 of MMSeg's 60 classes, 4 of them unseen. The environment variable
# CLASS_SPLIT names another split: context_k2, context_k4, context_k6, context_k8 or context_k10, of
# all 60 classes. Layout and lists are those of MMSegmentation.
_base_ = './voc_zero_shot.py'
class_split = '{{$CLASS_SPLIT:context_29_4}}'
files = dict(type='SemiPascalContextDataset', data_root='{{$CONTEXT_ROOT:data/VOCdevkit/VOC2010}}')
train_dataloader = dict(
    labeled=dict(
        dataset=dict(
            files,
            _delete_=True,
            ann_file='ImageSets/SegmentationContext/train.txt',
            pipeline=[dict(type='HideUnseenClasses', split=class_split), *_base_.train_pipeline],
        )
    )
)
val_dataloader = dict(
    dataset=dict(
        files,
        _delete_=True,
        ann_file='ImageSets/SegmentationContext/val.txt',
        pipeline=_base_.test_pipeline,
    )
)
test_dataloader = val_dataloader
val_evaluator = dict(split=class_split)
test_evaluator = val_evaluator

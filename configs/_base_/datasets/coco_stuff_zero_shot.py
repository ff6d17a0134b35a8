# COCO-Stuff 164k, zero-shot: 15 of its classes are unseen. The papers count 182 classes, 167 of
# them seen, as the numbers of the label files go; 171 of these occur, and MMSeg has these. Layout
# is that of MMSegmentation, after its converter coco_stuff164k.py.
_base_ = './voc_zero_shot.py'
class_split = 'coco_stuff_167_15'
files = dict(type='SemiCOCOStuffDataset', data_root='{{$COCO_STUFF_ROOT:data/coco_stuff164k}}')
train_dataloader = dict(
    labeled=dict(
        dataset=dict(
            files,
            _delete_=True,
            pipeline=[dict(type='HideUnseenClasses', split=class_split), *_base_.train_pipeline],
        )
    )
)
val_dataloader = dict(
    dataset=dict(
        files,
        _delete_=True,
        data_prefix=dict(img_path='images/val2017', seg_map_path='annotations/val2017'),
        pipeline=_base_.test_pipeline,
    )
)
test_dataloader = val_dataloader
val_evaluator = dict(split=class_split)
test_evaluator = val_evaluator

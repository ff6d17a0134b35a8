# The same for the 16 classes of SYNTHIA; `SOURCE=synthia` makes workflow_cityscapes.py run all
# steps.
_base_ = './deeplabv2_r101_cityscapes_intrada.py'
classes = (
    'road', 'sidewalk', 'building', 'wall', 'fence', 'pole', 'traffic light', 'traffic sign',
    'vegetation', 'sky', 'person', 'rider', 'car', 'bus', 'motorcycle', 'bicycle',
)  # fmt: skip
metainfo = dict(classes=classes)
model = dict(decode_head=dict(num_classes=16), auxiliary_head=dict(num_classes=16))
train_dataloader = dict(
    easy=dict(dataset=dict(metainfo=metainfo)), hard=dict(dataset=dict(metainfo=metainfo))
)
val_dataloader = dict(dataset=dict(metainfo=metainfo))
test_dataloader = val_dataloader
val_evaluator = dict(
    type='SubsetIoUMetric',
    subsets=dict(mIoU13=[name for name in classes if name not in ('wall', 'fence', 'pole')]),
)
test_evaluator = val_evaluator

# DACS, SYNTHIA to Cityscapes, with the settings of DAFormer's release.
_base_ = [
    '../_base_/models/deeplabv2_r101-d8.py',
    '../_base_/datasets/synthia_to_cityscapes_crops.py',
    '../_base_/schedules/adamw_40k.py',
    '../_base_/methods/mic.py',
    '../_base_/default_runtime.py',
]
model = _base_.dacs
model.update(decode_head=dict(num_classes=16))
target_pipeline = [*_base_.target_pipeline[:-1], _base_.pack_target]
train_dataloader = dict(target=dict(dataset=dict(pipeline=target_pipeline)))
default_hooks = dict(checkpoint=dict(interval=4000))

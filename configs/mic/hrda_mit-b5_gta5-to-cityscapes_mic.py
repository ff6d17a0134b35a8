# MIC on HRDA, GTA5 to Cityscapes. HRDA: --cfg-options model.mask_ratio=0
_base_ = [
    '../_base_/models/hrda_mit-b5.py',
    '../_base_/datasets/gta5_to_cityscapes_large_crops.py',
    '../_base_/schedules/adamw_40k.py',
    '../_base_/methods/mic.py',
    '../_base_/default_runtime.py',
]
model = _base_.mic
model.update(decode_head=dict(num_classes=19), mask_block=64)
target_pipeline = [*_base_.target_pipeline[:-1], _base_.pack_target]
rare_classes = dict(
    _delete_=True,
    type='RareClassDataset',
    min_crop_ratio=2.0,  # crops have four times the pixels of DAFormer's
    dataset=_base_.train_dataloader.source.dataset,
)
train_dataloader = dict(
    source=dict(dataset=rare_classes), target=dict(dataset=dict(pipeline=target_pipeline))
)
default_hooks = dict(checkpoint=dict(interval=4000))

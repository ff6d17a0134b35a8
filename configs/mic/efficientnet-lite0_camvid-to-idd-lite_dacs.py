# DACS on real images with a CPU, from a model that is trained on the source. MIC:
#     --cfg-options model.mask_ratio=0.7 model.mask_block=16
_base_ = [
    '../_base_/models/deeplabv2_efficientnet-lite0.py',
    '../_base_/datasets/camvid_to_{{$CAMVID_TARGET:idd_lite}}.py',
    '../_base_/schedules/adamw_idd_lite.py',
    '../_base_/methods/mic.py',
    '../_base_/default_runtime.py',
]
model = _base_.dacs
# Batch norm is trained. For 100 iterations, a faster teacher and a lower threshold.
model.update(clean_statistics=True, confidence_threshold=0.9, teacher_momentum=0.97)
target_pipeline = [*_base_.target_pipeline[:-1], _base_.pack_target]
train_dataloader = dict(target=dict(dataset=dict(pipeline=target_pipeline)))
val_cfg = dict(type='TeacherValLoop')
default_hooks = dict(checkpoint=dict(interval=100), logger=dict(interval=20))
custom_hooks = [*_base_.custom_hooks, dict(type='ChannelsLastHook')]

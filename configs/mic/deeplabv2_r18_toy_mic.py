# MIC on the toy domain pair. DACS:
#     --cfg-options model.mask_ratio=0 model.lambda_feature=0
_base_ = [
    '../_base_/models/deeplabv2_toy_aux.py',
    '../_base_/datasets/toy_source_to_target.py',
    '../_base_/schedules/adversarial_toy.py',
    '../_base_/methods/mic.py',
    '../_base_/default_runtime.py',
]
model = _base_.mic
# For some hundred iterations, a faster teacher and a lower threshold; blocks for small crops.
model.update(teacher_momentum=0.97, confidence_threshold=0.9, mask_block=16)
# All classes but the background.
model.update(feature_classes=(1, 2, 3, 4, 5, 6), clean_statistics=True)
target_pipeline = [*_base_.target_pipeline[:-1], _base_.pack_target]
train_dataloader = dict(target=dict(dataset=dict(pipeline=target_pipeline)))
# There is no discriminator.
optim_wrapper = dict(
    _delete_=True,
    constructor=_base_.optim_wrapper.constructor,
    segmentor=_base_.optim_wrapper.segmentor,
)
train_cfg = dict(val_interval=300)
val_cfg = dict(type='TeacherValLoop')
default_hooks = dict(
    checkpoint=dict(interval=300), logger=dict(interval=25), visualization=dict(draw=True)
)

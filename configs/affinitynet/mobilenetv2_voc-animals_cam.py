# CAMs of what mobilenetv2_voc-animals_cls.py trains, on its training images:
# tools/make_cams.py, and tools/test.py for their mIoU alone, take this config and a checkpoint of
# that one.
_base_ = './mobilenetv2_voc-animals_cls.py'
# A stride of 8 and the scale 2 would take several times as long for a point or two.
model = dict(
    type='CAMSegmentor',
    backbone=dict(output_stride=16),
    scales=(1.0, 0.5, 1.5),
)
test_dataloader = dict(_delete_=True, **_base_.cam_dataloader)
test_evaluator = [dict(type='CAMIoUMetric')]
# There is nothing to train.
train_dataloader = train_cfg = optim_wrapper = param_scheduler = None
val_dataloader = val_cfg = val_evaluator = None

# CAMs of what resnet18_toy_cls.py trains, on its training images:
# tools/make_cams.py, and tools/test.py for their mIoU alone, take this config and a checkpoint of
# that one.
_base_ = './resnet18_toy_cls.py'
# The toy's textures have one scale: with (1.0, 0.5, 1.5, 2.0) CAMs are worse and cost seven times.
model = dict(type='CAMSegmentor', scales=(1.0,))
test_dataloader = dict(_delete_=True, **_base_.cam_dataloader)
test_evaluator = [dict(type='CAMIoUMetric')]
# There is nothing to train.
train_dataloader = train_cfg = optim_wrapper = param_scheduler = None
val_dataloader = val_cfg = val_evaluator = None

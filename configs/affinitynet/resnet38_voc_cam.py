# CAMs of what resnet38_voc_cls.py trains, on its training images:
# tools/make_cams.py, and tools/test.py for their mIoU alone, take this config and a checkpoint of
# that one.
_base_ = './resnet38_voc_cls.py'
model = dict(type='CAMSegmentor')
test_dataloader = dict(_delete_=True, **_base_.cam_dataloader)
test_evaluator = [dict(type='CAMIoUMetric')]
# There is nothing to train.
train_dataloader = train_cfg = optim_wrapper = param_scheduler = None
val_dataloader = val_cfg = val_evaluator = None

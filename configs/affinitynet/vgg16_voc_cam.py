# CAMs of what vgg16_voc_cls.py trains, on its training images:
# tools/make_cams.py, and tools/test.py for their mIoU alone, take this config and a checkpoint of
# that one.
_base_ = './vgg16_voc_cls.py'
# The release takes square roots with VGG-16 only.
model = dict(type='CAMSegmentor', square_root=True)
test_dataloader = dict(_delete_=True, **_base_.cam_dataloader)
test_evaluator = [dict(type='CAMIoUMetric')]
# There is nothing to train.
train_dataloader = train_cfg = optim_wrapper = param_scheduler = None
val_dataloader = val_cfg = val_evaluator = None

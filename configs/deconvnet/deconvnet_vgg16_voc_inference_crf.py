# The same with a CRF.
_base_ = './deconvnet_vgg16_voc_inference.py'
model = dict(test_cfg=dict(crf=dict()))

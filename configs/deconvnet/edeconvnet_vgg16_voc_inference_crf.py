# The same with a CRF.
_base_ = './edeconvnet_vgg16_voc_inference.py'
model = dict(crf=dict())

# The same with a CRF.
_base_ = './edeconvnet_toy_inference.py'
model = dict(crf=dict())

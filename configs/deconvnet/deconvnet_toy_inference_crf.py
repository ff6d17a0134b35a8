# The same with a CRF.
_base_ = './deconvnet_toy_inference.py'
model = dict(test_cfg=dict(crf=dict()))

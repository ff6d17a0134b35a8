# The same with a CRF.
_base_ = './deconvnet_small_voc-animals_inference.py'
model = dict(test_cfg=dict(crf=dict()))

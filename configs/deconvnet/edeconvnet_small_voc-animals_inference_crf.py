# The same with a CRF.
_base_ = './edeconvnet_small_voc-animals_inference.py'
model = dict(crf=dict())

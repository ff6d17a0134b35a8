# The upper bound: the baseline with the labels of all training images.
_base_ = './deeplabv2_r18_toy_supervised.py'
train_dataloader = dict(labeled=dict(dataset=dict(split='train')))

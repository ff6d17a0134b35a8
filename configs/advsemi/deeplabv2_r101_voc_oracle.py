# The upper bound: the baseline with the labels of all 10,582 images.
_base_ = './deeplabv2_r101_voc_supervised.py'
train_dataloader = dict(labeled=dict(dataset=dict(ann_file=_base_.train_list)))

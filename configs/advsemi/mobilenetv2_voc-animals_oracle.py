# The upper bound: the baseline with the labels of all 437 images.
_base_ = './mobilenetv2_voc-animals_supervised.py'
train_dataloader = dict(labeled=dict(dataset=dict(ann_file=_base_.train_list)))

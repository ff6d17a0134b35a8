# The baseline of deeplabv2_r101_voc_semi.py: the same network, labels and schedule, nothing else.
_base_ = [
    '../_base_/models/deeplabv2_r101-d8.py',
    '../_base_/datasets/voc_semi.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(_delete_=True, labeled=_base_.train_dataloader.labeled)

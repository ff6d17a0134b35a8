# The baseline of mobilenetv2_voc-animals_semi.py: the same network, labels and schedule.
_base_ = '../_base_/voc_animals_short.py'
train_dataloader = dict(_delete_=True, labeled=_base_.train_dataloader.labeled)

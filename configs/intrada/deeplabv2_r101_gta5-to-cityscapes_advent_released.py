# ADVENT with the updates of its released code, which lists most weights of the backbone three times
# in a parameter group. All else is as in the base.
_base_ = [
    './deeplabv2_r101_gta5-to-cityscapes_advent.py',
    '../_base_/schedules/repeated_updates.py',
]
optim_wrapper = dict(segmentor=_base_.repeated_updates)

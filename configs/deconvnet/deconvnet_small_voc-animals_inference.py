# What deconvnet_small_voc-animals_proposals.py trains, tested on the best 50 proposals of each
# image:
#     python tools/test.py configs/deconvnet/deconvnet_small_voc-animals_inference.py CHECKPOINT
_base_ = './deconvnet_small_voc-animals_proposals.py'
model = dict(
    type='ProposalEncoderDecoder',
    init_cfg=None,
    test_cfg=dict(mode='proposal', num_proposals=50, crop_size=_base_.crop_size),
)
# There is nothing to train.
train_dataloader = train_cfg = optim_wrapper = param_scheduler = None
val_dataloader = val_cfg = val_evaluator = None

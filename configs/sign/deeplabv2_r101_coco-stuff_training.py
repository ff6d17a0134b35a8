# SIGN on COCO-Stuff, 15 unseen classes, its first step.
_base_ = [
    '../_base_/models/deeplabv2_r101-d8.py',
    '../_base_/datasets/coco_stuff_zero_shot.py',
    '../_base_/schedules/sign_40k.py',
    '../_base_/methods/sign.py',
    '../_base_/default_runtime.py',
]
model = _base_.sign
model.backbone = dict(norm_eval=True)
model.update(
    **_base_.released_scales,
    classes='COCOStuffDataset',
    split=_base_.class_split,
    embeddings=['coco_stuff_fasttext', 'coco_stuff_word2vec'],
)
model.decode_head.update(num_classes=171)
optim_wrapper = dict(discriminator=dict(optimizer=dict(lr=5e-4)))
# As released, the generator's rate falls more often. The release begins with the encoder of
# an SPNet that was trained on COCO-Stuff; ImageNet's weights stand in for it.
generator_steps = dict(
    type='MultiStepLR', by_epoch=False, milestones=list(range(10000, 40000, 5000)), gamma=0.3
)
param_scheduler = dict(generator=[generator_steps], discriminator=[_base_.coarse_steps])

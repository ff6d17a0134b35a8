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
    classes='COCOStuffDataset',
    split=_base_.class_split,
    embeddings=['coco_stuff_fasttext', 'coco_stuff_word2vec'],
)
model.decode_head = dict(num_classes=171)
optim_wrapper = dict(discriminator=dict(optimizer=dict(lr=5e-4)))

# The primitive of SIGN, its first step: VOC 2012 with 15 seen and 5 unseen classes. Encoder,
# spatial information module, generator and classifier learn from the seen ones.
_base_ = [
    '../_base_/models/deeplabv2_r101-d8.py',
    '../_base_/datasets/voc_zero_shot.py',
    '../_base_/schedules/sign_40k.py',
    '../_base_/methods/sign.py',
    '../_base_/default_runtime.py',
]
model = _base_.sign
model.backbone = dict(norm_eval=True)
model.update(
    **_base_.released_scales,
    classes='PascalVOCDataset',
    split=_base_.class_split,
    embeddings=['voc_fasttext', 'voc_word2vec'],
)

# SIGN on PASCAL-Context, 29 seen and 4 unseen classes, its first step. The word vectors are those
# of word2vec alone; the paper also has fastText's, and no results on this dataset.
_base_ = [
    '../_base_/models/deeplabv2_r101-d8.py',
    '../_base_/datasets/context_zero_shot.py',
    '../_base_/schedules/sign_40k.py',
    '../_base_/methods/sign.py',
    '../_base_/default_runtime.py',
]
model = _base_.sign
model.backbone = dict(norm_eval=True)
model.update(
    **_base_.released_scales,
    classes='PascalContextDataset',
    split=_base_.class_split,
    embeddings='context_word2vec',
)
model.decode_head.update(num_classes=60)
param_scheduler = dict(generator=[_base_.coarse_steps], discriminator=[_base_.coarse_steps])

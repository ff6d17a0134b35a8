# SPNet on VOC 2012 with 15 seen and 5 unseen classes: projection onto word vectors, the baseline.
# Calibrated stacking, SPNet-c: `--cfg-options model.decode_head.seen_bias=...` in a test.
_base_ = [
    '../_base_/models/deeplabv2_r101-d8.py',
    '../_base_/datasets/voc_zero_shot.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/methods/spnet.py',
    '../_base_/default_runtime.py',
]
model = _base_.spnet
model.decode_head.update(
    classes='PascalVOCDataset',
    split=_base_.class_split,
    embeddings=['voc_fasttext', 'voc_word2vec'],
)

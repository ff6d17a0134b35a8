# UniMatch on the built-in toy dataset, 1/8 of the labels. FixMatch:
#     --cfg-options model.data_preprocessor.views=1 model.feature_dropout=0 model.lambda_strong=1
_base_ = [
    '../_base_/models/deeplabv2_toy.py',
    '../_base_/datasets/toy.py',
    '../_base_/schedules/adversarial_toy.py',
    '../_base_/methods/unimatch.py',
    '../_base_/default_runtime.py',
]
model = _base_.unimatch
unlabeled_pipeline = [
    *_base_.load_unlabeled,
    *_base_.augmentation[:-1],
    dict(type='PackStrongViews'),
]
train_dataloader = dict(unlabeled=dict(dataset=dict(pipeline=unlabeled_pipeline)))
# There is no discriminator.
optim_wrapper = dict(
    _delete_=True,
    constructor=_base_.optim_wrapper.constructor,
    segmentor=_base_.optim_wrapper.segmentor,
)
default_hooks = dict(
    checkpoint=dict(interval=150), logger=dict(interval=25), visualization=dict(draw=True)
)

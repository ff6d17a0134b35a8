# UniMatch on real images with a CPU: MobileNetV2, the animals of VOC, 1/8 of the labels.
_base_ = ['../_base_/voc_animals_short.py', '../_base_/methods/unimatch.py']
model = _base_.unimatch
unlabeled_pipeline = [*_base_.load_unlabeled, *_base_.crops, dict(type='PackStrongViews')]
train_dataloader = dict(unlabeled=dict(dataset=dict(pipeline=unlabeled_pipeline)))
optim_wrapper = dict(
    _delete_=True,
    constructor='MultiOptimWrapperConstructor',
    segmentor=_base_.optim_wrapper,
)

# What mixed self-training adds to any segmentor: its class and a preprocessor that augments mixed
# images. The pipeline of the target has to end in `pack_target`. A config takes over one of the
# three methods, for example with `model = _base_.mic`. `feature_classes` are those of Cityscapes.
dacs = dict(
    type='MixedSelfTraining',
    data_preprocessor=dict(type='StrongViewsPreProcessor', views=0),
    confidence_threshold=0.968,
    teacher_momentum=0.99,
)
daformer = dict(
    type='MixedSelfTraining',
    data_preprocessor=dict(type='StrongViewsPreProcessor', views=0),
    confidence_threshold=0.968,
    teacher_momentum=0.999,
    lambda_feature=0.005,
    feature_classes=(6, 7, 11, 12, 13, 14, 15, 16, 17, 18),
)
# Blocks of a sixteenth of the crop's side.
mic = dict(daformer, mask_ratio=0.7, mask_block=32)
pack_target = dict(
    type='PackStrongViews',
    views=2,  # of the mixed image and, for MIC, of the masked one
    jitter=(0.2, 0.2, 0.2, 0.2),
    gray_prob=0,
    blur_sigma=(0.15, 1.15),
    cutmix_prob=0,
)
model_wrapper_cfg = dict(type='StreamDataParallel')

# What weak-to-strong consistency adds to any segmentor: its class and a preprocessor that makes
# the strong views. The unlabeled pipeline has to end in `PackStrongViews`. A config takes over one
# of the three methods, for example with `model = _base_.unimatch`.
fixmatch = dict(
    type='WeakToStrong',
    data_preprocessor=dict(type='StrongViewsPreProcessor', views=1),
    confidence_threshold=0.95,
    lambda_strong=1.0,
)
unimatch = dict(
    type='WeakToStrong',
    data_preprocessor=dict(type='StrongViewsPreProcessor', views=2),
    confidence_threshold=0.95,
    feature_dropout=0.5,
    lambda_strong=0.5,
    lambda_feature=0.5,
)
unimatch_v2 = dict(
    type='WeakToStrong',
    data_preprocessor=dict(type='StrongViewsPreProcessor', views=2),
    confidence_threshold=0.95,
    teacher_momentum=0.996,
    complementary=True,
    lambda_strong=1.0,
)
model_wrapper_cfg = dict(type='StreamDataParallel')

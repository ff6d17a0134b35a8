# What SIGN adds to any segmentor: its class, the spatial information module, a generator and a
# discriminator with a classifier, each with an optimizer of its own but the first. A config adds
# `classes`, `split` and `embeddings`.
sign = dict(
    type='SIGN',
    # As released, the weights of every network are Kaiming's; those of the others by default.
    decode_head=dict(init_cfg=dict(type='Kaiming', layer='Conv2d', mode='fan_in')),
    spatial_information=dict(type='SpatialInformationModule'),
    generator=dict(type='FeatureGenerator'),
    discriminator=dict(type='FeatureDiscriminator'),
    feature_channels=600,
)
# The release trains the classifier on the features of three image sizes and on their maximum. It
# predicts by the first; `test_scales` of the same sizes predicts by the maximum.
released_scales = dict(scales=(1.0, 0.75, 0.5), test_scales=(1.0,))
# What the two later steps change, which load the step before; `lambda_*` are the release's for VOC
# and Context.
later = dict(backbone=dict(init_cfg=None), lambda_real=0.75, lambda_fake=0.25)
transfer = dict(later, step='transfer')
# As released, pseudo labels come from the model that this step begins with; `teacher='online'`
# takes those of the model at each iteration, which then may unlearn an unseen class.
self_training = dict(later, step='self_training', teacher='frozen')
# In place of SIGN's, the generator of ZS3Net: from noise, and without an adversary.
gmmn = dict(spatial_information=None, lambda_adv=0)
model_wrapper_cfg = dict(type='StreamDataParallel')

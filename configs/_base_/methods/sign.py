# What SIGN adds to any segmentor: its class, the spatial information module, a generator and a
# discriminator with a classifier, each with an optimizer of its own but the first. A config adds
# `classes`, `split` and `embeddings`.
sign = dict(
    type='SIGN',
    spatial_information=dict(type='SpatialInformationModule'),
    generator=dict(type='FeatureGenerator'),
    discriminator=dict(type='FeatureDiscriminator'),
    feature_channels=600,
)
# What the two later steps change, which load the step before; `lambda_*` are the release's for VOC
# and Context.
later = dict(backbone=dict(init_cfg=None), lambda_real=0.75, lambda_fake=0.25)
transfer = dict(later, step='transfer')
self_training = dict(later, step='self_training')
# In place of SIGN's, the generator of ZS3Net: from noise, and without an adversary.
gmmn = dict(spatial_information=None, lambda_adv=0)
model_wrapper_cfg = dict(type='StreamDataParallel')

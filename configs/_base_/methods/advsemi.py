# What AdvSemiSeg adds to any segmentor: its class, a discriminator with an optimizer of its own,
# and (in the dataset's config) a second stream of images. Bases may not share a key, so a config
# takes it over with `model = _base_.advsemi`.
advsemi = dict(
    type='AdvSemiSeg',
    discriminator=dict(
        type='SegDiscriminator',
        network=dict(type='FCDiscriminator', channels=64),
        loss_adv=dict(type='AdversarialLoss', mode='bce'),
    ),
    lambda_adv_labeled=0.01,
    lambda_adv_unlabeled=0.001,
    lambda_semi=0.1,
    confidence_threshold=0.2,
    adv_start=0,
    semi_start=5000,
    # As in the paper. The released code has True: it also shows D unlabeled predictions as fakes.
    discriminate_unlabeled=False,
)
model_wrapper_cfg = dict(type='StreamDataParallel')

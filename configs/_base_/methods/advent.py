# What ADVENT adds to any segmentor: its class, one discriminator of self-information maps for each
# of the two outputs, with an optimizer of their own, and (in the dataset's config) a second stream
# of images. Without an auxiliary head: `model.discriminator.pop('aux')`.
advent = dict(
    type='ADVENT',
    discriminator=dict(
        main=dict(
            type='SegDiscriminator',
            network=dict(type='FCDiscriminator', channels=64),
            loss_adv=dict(type='AdversarialLoss', mode='bce'),
            upsample=False,
        ),
        aux=dict(
            type='SegDiscriminator',
            network=dict(type='FCDiscriminator', channels=64),
            loss_adv=dict(type='AdversarialLoss', mode='bce'),
            upsample=False,
        ),
    ),
    lambda_adv_main=0.001,
    lambda_adv_aux=0.0002,
)
model_wrapper_cfg = dict(type='StreamDataParallel')

# SIGN on real images with a CPU: MSRC with word vectors, 15 seen and 5 unseen classes.
title = 'SIGN on MSRC'
introduction = (
    'Five of 20 classes have no labels in training; word vectors say what they are like. '
    '`training` learns from the seen classes, `transfer` shows the classifier generated features '
    'of all, and `self_training` learns from its own predictions of the pixels without a label, '
    'weighted by annealing. `thresholded` takes only those with a probability above 0.5 in place '
    'of the weights, `online` those of the model itself, not of the frozen one. `gmmn` is transfer '
    'with the generator of ZS3Net, `no_positions` transfer without positional encoding, and '
    '`spnet` projects onto word vectors. hIoU is the harmonic mean of the mIoU of seen and of '
    'unseen classes.'
)


def two_steps(name, options):
    """The stages `training` and `transfer` with a changed model."""
    first, second = f'{name}_training', name
    return [
        dict(
            name=first,
            type='TrainStage',
            config='sign/mobilenetv2_msrc_training',
            cfg_options=options,
        ),
        dict(
            name=second,
            type='TrainStage',
            config='sign/mobilenetv2_msrc_transfer',
            cfg_options={'load_from': f'{{{first}.checkpoint}}', **options},
        ),
    ]


def self_training(name, start, options=()):
    """Self-training that goes on from the stage `start`."""
    return dict(
        name=name,
        type='TrainStage',
        config='sign/mobilenetv2_msrc_self-training',
        cfg_options={'load_from': f'{{{start}.checkpoint}}', **dict(options)},
    )


gmmn = {'model.spatial_information': None, 'model.lambda_adv': 0}
stages = [
    dict(name='spnet', type='TrainStage', config='sign/spnet_mobilenetv2_msrc'),
    dict(name='training', type='TrainStage', config='sign/mobilenetv2_msrc_training'),
    dict(
        name='transfer',
        type='TrainStage',
        config='sign/mobilenetv2_msrc_transfer',
        cfg_options={'load_from': '{training.checkpoint}'},
    ),
    self_training('self_training', 'transfer'),
    self_training('thresholded', 'transfer', {'model.confidence_threshold': 0.5}),
    self_training('online', 'transfer', {'model.teacher': 'online'}),
    *two_steps('gmmn', gmmn),
    self_training('gmmn_self_training', 'gmmn', gmmn),
    *two_steps('no_positions', {'model.spatial_information.encoding': None}),
]
results = [
    f'{stage}.{figure}'
    for figure in ('hIoU', 'mIoU_seen', 'mIoU_unseen')
    for stage in (
        *('spnet', 'training', 'gmmn', 'no_positions', 'transfer'),
        *('thresholded', 'online', 'self_training', 'gmmn_self_training'),
    )
]

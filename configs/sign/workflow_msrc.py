# SIGN on real images with a CPU: MSRC with word vectors, 15 seen and 5 unseen classes.
title = 'SIGN on MSRC'
introduction = (
    'Five of 20 classes have no labels in training; word vectors say what they are like. '
    '`training` learns from the seen classes, `transfer` shows the classifier generated features '
    'of all, and `self_training` learns from its own predictions of the pixels without a label, '
    'weighted by annealing. `gmmn` is transfer with the generator of ZS3Net, and `spnet` projects '
    'onto word vectors. hIoU is the harmonic mean of the mIoU of seen and of unseen classes.'
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
    dict(
        name='self_training',
        type='TrainStage',
        config='sign/mobilenetv2_msrc_self-training',
        cfg_options={'load_from': '{transfer.checkpoint}'},
    ),
    dict(
        name='gmmn_training',
        type='TrainStage',
        config='sign/mobilenetv2_msrc_training',
        cfg_options=gmmn,
    ),
    dict(
        name='gmmn',
        type='TrainStage',
        config='sign/mobilenetv2_msrc_transfer',
        cfg_options={'load_from': '{gmmn_training.checkpoint}', **gmmn},
    ),
]
results = [
    f'{stage}.{figure}'
    for figure in ('hIoU', 'mIoU_seen', 'mIoU_unseen')
    for stage in ('spnet', 'training', 'gmmn', 'transfer', 'self_training')
]

# SIGN on the built-in toy dataset: three steps, SPNet and the generator of ZS3Net beside them, and
# what is left without positions and without annealing.
title = 'SIGN on the toy dataset'
introduction = (
    'Two of six combinations of shape and texture have no labels in training; attributes say what '
    'they are. `training` learns from the seen classes, `transfer` shows the classifier generated '
    'features of all, and `self_training` learns from its own predictions of the pixels without a '
    'label, weighted by annealing; `thresholded` takes the sure ones instead. `no_positions` is '
    'transfer without positional encoding, `gmmn` with the generator of ZS3Net, and `spnet` '
    'projects onto the attributes. hIoU is the harmonic mean of the mIoU of seen and of unseen '
    'classes.'
)
pretrained = {'model.backbone.init_cfg.checkpoint': '{pretrain.checkpoint}'}


def two_steps(name, options):
    """Training and transfer of a variant."""
    return [
        dict(
            name=f'{name}_training',
            type='TrainStage',
            config='sign/deeplabv2_r18_toy_training',
            cfg_options={**pretrained, **options},
        ),
        dict(
            name=name,
            type='TrainStage',
            config='sign/deeplabv2_r18_toy_transfer',
            cfg_options={'load_from': f'{{{name}_training.checkpoint}}', **options},
        ),
    ]


stages = [
    dict(
        name='pretrain',
        type='TrainStage',
        config='toy/deeplabv2_r18_toy_pretrain_shapes',
        per_seed=False,
    ),
    dict(name='spnet', type='TrainStage', config='sign/spnet_r18_toy', cfg_options=pretrained),
    dict(
        name='training',
        type='TrainStage',
        config='sign/deeplabv2_r18_toy_training',
        cfg_options=pretrained,
    ),
    dict(
        name='transfer',
        type='TrainStage',
        config='sign/deeplabv2_r18_toy_transfer',
        cfg_options={'load_from': '{training.checkpoint}'},
    ),
    dict(
        name='self_training',
        type='TrainStage',
        config='sign/deeplabv2_r18_toy_self-training',
        cfg_options={'load_from': '{transfer.checkpoint}'},
    ),
    dict(
        name='thresholded',
        type='TrainStage',
        config='sign/deeplabv2_r18_toy_self-training',
        cfg_options={'load_from': '{transfer.checkpoint}', 'model.confidence_threshold': 0.5},
    ),
    *two_steps('gmmn', {'model.spatial_information': None, 'model.lambda_adv': 0}),
    *two_steps('no_positions', {'model.spatial_information.encoding': None}),
]
results = [
    f'{stage}.{figure}'
    for figure in ('hIoU', 'mIoU_seen', 'mIoU_unseen')
    for stage in (
        'spnet', 'training', 'gmmn', 'no_positions', 'transfer', 'thresholded', 'self_training'
    )
]  # fmt: skip
